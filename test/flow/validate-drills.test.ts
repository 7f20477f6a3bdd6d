import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { drillPath, manifestPath } from '../../lib/audit/paths.ts';
import { factsOf, type SignedRecord } from '../../lib/audit/signed-record.ts';
import { validate } from '../../lib/flow/validate.ts';
import type { DrillerConfig } from '../../lib/model/driller-config.ts';
import type { HostConfig, Inventory } from '../../lib/model/inventory.ts';
import type { HostName } from '../../lib/model/names.ts';
import { formatValidation } from '../../lib/report/validation.ts';
import { drillChain, FOUND_WRONG } from '../fixture/drill-record.ts';
import { digest } from '../fixture/manifest.ts';
import { signerOf, temporaryFolder } from '../fixture/signer.ts';

type T = Parameters<typeof temporaryFolder>[0];
const NOW = new Date('2026-11-20T12:00:00Z');
/** The night's run, and the morning's drill. */
const night = (day: number) => new Date(Date.UTC(2026, 10, day, 4, 0, 7));
const morning = (day: number) => new Date(Date.UTC(2026, 10, day, 9, 0, 1));

const [db1, drill1, drill2] = [await signerOf(t, 'db1'), await signerOf(t, 'drill1'), await signerOf(t, 'drill2')];

function inventoryWith(demand: HostConfig['drill']): Inventory {
  const plan = { schedule: '0 4 * * *', timezone: 'UTC', graceHours: 6, offsite: [], recipients: [], drill: demand };
  const driller = (name: string) => [name, { name, hosts: ['db1'] } as unknown as DrillerConfig] as const;
  return {
    folder: 'inventory',
    hosts: new Map([[db1.host, { ...plan, name: db1.host, audit: { branch: 'main' } } as unknown as HostConfig]]),
    drillers: new Map([driller('drill1'), driller('drill2')]) as unknown as Inventory['drillers'],
    recipients: new Map(),
    allowedSigners: `${db1.line}${drill1.line}${drill2.line}`,
  };
}

/** An audit repository with the last nights' runs, and what is published there besides. */
async function auditOf(t: T) {
  const folder = await temporaryFolder(t);
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', folder, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  git('init', '-q', '-b', 'main');
  for (const [key, value] of [
    ['user.name', 'x'],
    ['user.email', 'x'],
    ['commit.gpgSign', 'false'],
  ] as const)
    git('config', key, value);
  const write = async (path: string, content: Buffer | string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  };
  const commit = () => {
    git('add', '-A');
    git('commit', '-q', '--allow-empty', '-m', 'x');
  };
  const publish = async (signed: SignedRecord, path = factsOf(signed).path) => {
    await write(path, signed.bytes);
    await write(`${path}.sig`, signed.signature);
    commit();
    return signed;
  };
  const runs = db1.branch();
  const manifests = new Map<number, string>();
  for (const day of [18, 19, 20]) manifests.set(day, (await publish(await runs.next(night(day)))).sha256);
  const manifestOf = (day: number) => ({ manifest: manifests.get(day) as ReturnType<typeof digest> });
  const judge = async (demand: HostConfig['drill'] = { maxAgeDays: 8 }) => {
    const validation = await validate({
      inventory: inventoryWith(demand),
      source: { location: folder },
      clock: { now: () => NOW },
    });
    return { validation, told: validation.findings.map(({ severity, rule }) => `${severity} ${rule}`) };
  };
  return { folder, write, commit, publish, manifestOf, judge };
}

t.test('a drill of the newest run is what a host that demands drills has to have', async (t) => {
  const { publish, manifestOf, judge } = await auditOf(t);
  t.strictSame((await judge()).told, ['error drill'], 'none');
  t.match((await judge()).validation.findings, [{ host: 'db1', message: /no drill of this host has ever been/ }]);
  const next = drillChain(drill1, 'db1');
  await publish(await next(morning(20), night(20), manifestOf(20)));
  const { validation, told } = await judge();
  t.strictSame(told, []);
  t.match(validation, { drills: 1, manifests: 3, drilled: [{ host: 'db1', state: 'fresh' }] });
  const text = formatValidation(validation, NOW);
  t.match(text, /db1 +fresh +2026-11-20T040007Z +179 min|db1 +fresh +2026-11-20T040007Z +3 h +1 min 25 s +drill1/);
  t.match(text, /valid: 3 manifests and 1 drill at/);
});

t.test('without a demand nobody asks, and what is there is shown', async (t) => {
  const { folder, publish, manifestOf } = await auditOf(t);
  const look = () =>
    validate({
      inventory: { ...inventoryWith(undefined) },
      source: { location: folder },
      clock: { now: () => NOW },
    });
  t.strictSame((await look()).drilled, []);
  await publish(await drillChain(drill1, 'db1')(morning(19), night(19), manifestOf(19)));
  t.match(await look(), { findings: { length: 0 }, drilled: [{ state: 'undemanded' }] });
});

t.test('a drill that is too old, or of too old a run, or by nobody who was sent, proves nothing', async (t) => {
  const { publish, manifestOf, judge } = await auditOf(t);
  const next = drillChain(drill1, 'db1');
  await publish(await next(morning(19), night(19), manifestOf(19)));
  t.strictSame((await judge({ maxAgeDays: 2 })).told, []);
  t.strictSame((await judge({ maxAgeDays: 1 })).told, ['error drill'], '27 hours');
  await publish(await next(morning(20), night(18), manifestOf(18)));
  t.strictSame(
    (await judge({ maxAgeDays: 1 })).told,
    ['error drill', 'error drill'],
    'today, of a run that was 53 hours old',
  );
  const { validation, told } = await judge({ maxAgeDays: 3 });
  t.strictSame(told, ['error drill'], 'and not of the one that was there, by its record');
  const lost =
    /found no newer run in the offsite contractor than 2026-11-18T040007Z, and by its record 2026-11-20T040007Z was/;
  t.match(validation.findings, [{ message: lost, hint: /verify\.ts db1 --run 2026-11-20T040007Z/ }]);
  await publish(await next(new Date(morning(20).getTime() + 3600_000), night(20), manifestOf(20)));
  t.strictSame((await judge({ maxAgeDays: 3 })).told, [], 'the next one has found it');
});

t.test('a newest drill that found the copy wrong is an error at once, also beside a fresh proof', async (t) => {
  const { publish, manifestOf, judge } = await auditOf(t);
  const next = drillChain(drill1, 'db1');
  await publish(await next(morning(19), night(19), manifestOf(19)));
  await publish(await next(morning(20), night(20), { ...manifestOf(20), ...FOUND_WRONG }));
  const { validation, told } = await judge();
  t.strictSame(told, ['error drill']);
  t.match(validation.findings, [{ message: /2026-11-20T040007Z from the offsite contractor cannot be restored/ }]);
  await publish(await next(new Date(morning(20).getTime() + 3600_000), night(20), manifestOf(20)));
  t.strictSame((await judge()).told, [], 'the next one is good again');
});

t.test('a drill that came to no verdict is a warning as long as there is a proof', async (t) => {
  const { publish, manifestOf, judge } = await auditOf(t);
  const next = drillChain(drill1, 'db1');
  const nothing = {
    ...FOUND_WRONG,
    run: null,
    manifest: null,
    error: { code: 'offsite-unreachable', phase: 'find' },
  } as const;
  await publish(await next(morning(19), night(19), manifestOf(19)));
  await publish(await next(morning(20), night(20), nothing));
  t.strictSame((await judge()).told, ['warning drill']);
});

t.test('two drillers have a chain each, also in the same second', async (t) => {
  const { publish, manifestOf, judge } = await auditOf(t);
  const [one, two] = [drillChain(drill1, 'db1'), drillChain(drill2, 'db1')];
  for (const day of [19, 20]) {
    await publish(await one(morning(day), night(day), manifestOf(day)));
    await publish(await two(morning(day), night(day), manifestOf(day)));
  }
  const { validation, told } = await judge();
  t.strictSame(told, []);
  t.equal(validation.drills, 4);
});

/** What somebody with write access does to drills, and every rule that has to see it. */
type Audit = Awaited<ReturnType<typeof auditOf>>;
type Next = ReturnType<typeof drillChain>;
const place = (day: number, driller = 'drill1') =>
  drillPath('db1' as HostName, `2026-11-${day}T090001Z` as Parameters<typeof drillPath>[1], driller as HostName);
const attacks: Readonly<
  Record<string, { act: (audit: Audit, next: Next) => Promise<unknown>; rules: readonly string[] }>
> = {
  'an edited record': {
    act: async ({ folder, write }) =>
      write(place(19), (await readFile(join(folder, place(19)), 'utf8')).replace('"tables":9', '"tables":8')),
    rules: ['signature', 'append-only', 'chain'],
  },
  'a deleted record': {
    act: async ({ folder }) => {
      await rm(join(folder, place(19)));
      await rm(join(folder, `${place(19)}.sig`));
    },
    rules: ['append-only', 'chain'],
  },
  'a failure that was turned into a success by another key': {
    act: async ({ publish, manifestOf }) => {
      const forged = await drillChain({ ...drill2, host: 'drill1' as HostName }, 'db1')(
        new Date(morning(20).getTime() + 60_000),
        night(20),
        manifestOf(20),
      );
      await publish(forged);
    },
    rules: ['signature', 'chain'],
  },
  'the record of another driller in the place of this one’s': {
    act: async ({ publish, manifestOf }) =>
      publish(await drillChain(drill2, 'db1')(morning(18), night(18), manifestOf(18)), place(18)),
    rules: ['drill-record', 'signature'],
  },
  'an old record under a new name': {
    act: async ({ folder, write }) => {
      const [from, to] = [place(20), place(20).replace('T090001', 'T100001')];
      await write(to, await readFile(join(folder, from)));
      await write(`${to}.sig`, await readFile(join(folder, `${from}.sig`)));
    },
    rules: ['drill-record'],
  },
  'another manifest than the one that is published': {
    act: async ({ publish }, next) =>
      publish(await next(new Date(morning(20).getTime() + 60_000), night(20), { manifest: digest('another') })),
    rules: ['drilled-run'],
  },
  'a drill from the future': {
    act: async ({ publish, manifestOf }, next) => publish(await next(morning(21), night(20), manifestOf(20))),
    rules: ['time'],
  },
  'a drill of a run that came after it': {
    act: async ({ publish, manifestOf }, next) =>
      publish(await next(new Date('2026-11-20T03:00:00Z'), night(20), manifestOf(20))),
    rules: ['time'],
  },
  'a driller that nobody knows': {
    act: async ({ publish, manifestOf }) =>
      publish(await drillChain(await signerOf(t, 'drill9'), 'db1')(morning(18), night(18), manifestOf(18))),
    rules: ['known-driller', 'signature'],
  },
  'a host that nobody knows': {
    act: async ({ publish, manifestOf }) =>
      publish(await drillChain(drill1, 'db9')(morning(18), night(18), manifestOf(18))),
    rules: ['known-host'],
  },
  'a manifest in the place of a drill': {
    act: async ({ folder, write }) => {
      const from = manifestPath('db1' as HostName, '2026-11-19T040007Z' as Parameters<typeof manifestPath>[1]);
      await write(place(18), await readFile(join(folder, from)));
      await write(`${place(18)}.sig`, await readFile(join(folder, `${from}.sig`)));
    },
    rules: ['drill-record', 'signature'],
  },
  'something else among the drills': {
    act: ({ write }) => write('drills/db1/2026/dump.sql', 'x'),
    rules: ['belongs'],
  },
};

for (const [name, { act, rules }] of Object.entries(attacks)) {
  t.test(`sees ${name}`, async (t) => {
    const audit = await auditOf(t);
    const next = drillChain(drill1, 'db1');
    for (const day of [19, 20]) await audit.publish(await next(morning(day), night(day), audit.manifestOf(day)));
    t.strictSame((await audit.judge()).told, []);
    await act(audit, next);
    audit.commit();
    const { validation } = await audit.judge();
    const errors = validation.findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
    t.strictSame(
      [...new Set(errors)].sort(),
      [...rules].sort(),
      validation.findings.map(({ message }) => message).join('\n'),
    );
    for (const finding of validation.findings) t.ok(finding.hint.length > 0);
  });
}
