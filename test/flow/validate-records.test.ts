import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { GIT_ATTRIBUTES } from '../../lib/audit/git-attributes.ts';
import { factsOf, type SignedRecord } from '../../lib/audit/signed-record.ts';
import { listPublished, listRuns } from '../../lib/flow/list-runs.ts';
import { validate } from '../../lib/flow/validate.ts';
import type { HostConfig, Inventory } from '../../lib/model/inventory.ts';
import type { RunId } from '../../lib/model/run-id.ts';
import type { VerifyRecord } from '../../lib/model/verify-record.ts';
import { formatRecords } from '../../lib/report/records.ts';
import { formatValidation } from '../../lib/report/validation.ts';
import { hostChain } from '../fixture/host-record.ts';
import { signerOf, temporaryFolder } from '../fixture/signer.ts';

type T = Parameters<typeof temporaryFolder>[0];
const NOW = new Date('2026-11-20T12:00:00Z');
const night = (day: number) => new Date(Date.UTC(2026, 10, day, 4, 0, 7));
const noon = (day: number, minute = 0) => new Date(Date.UTC(2026, 10, day, 11, minute, 1));

const [db1, db2] = [await signerOf(t, 'db1'), await signerOf(t, 'db2')];
const plan = { schedule: '0 4 * * *', timezone: 'UTC', graceHours: 6, offsite: [], recipients: [] };
const hostAt = (folder: string) =>
  ({
    ...plan,
    name: 'db1',
    secrets: { path: `${folder}/.env` },
    audit: { kind: 'git', remote: folder, branch: 'main' },
  }) as unknown as HostConfig;
const inventoryAt = (folder: string): Inventory => ({
  folder: 'inventory',
  hosts: new Map([[db1.host, hostAt(folder)]]),
  drillers: new Map(),
  recipients: new Map(),
  allowedSigners: db1.line,
});

/** An audit repository in which db1 has two runs, was provisioned, and has looked at its copies. */
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
    return path;
  };
  const chain = hostChain(db1);
  const provisioned = await publish(await chain.record('provision', noon(18)));
  await publish(await chain.run(night(19)));
  await publish(await chain.run(night(20)));
  const verified = await publish(await chain.record('verify', noon(20)));
  const judge = async () => {
    const inventory = inventoryAt(folder);
    const validation = await validate({ inventory, source: { location: folder }, clock: { now: () => NOW } });
    return { validation, told: validation.findings.map(({ severity, rule }) => `${severity} ${rule}`) };
  };
  return { folder, write, commit, publish, chain, judge, provisioned, verified };
}

t.test('all kinds of a host are one valid chain, and counted', async (t) => {
  const { publish, chain, judge } = await auditOf(t);
  await publish(await chain.record('key-rotation', noon(20, 1)));
  const { validation, told } = await judge();
  t.strictSame(told, []);
  t.match(validation, { manifests: 2, drills: 0, records: { 'key-rotation': 1, provision: 1, verify: 1 } });
  t.match(
    formatValidation(validation, NOW),
    /^valid: 2 manifests, 1 of key-rotation, 1 of provision and 1 of verify at/m,
  );
  t.match(validation.hosts, [{ host: 'db1', state: 'fresh', latest: { run: '2026-11-20T040007Z' } }]);
});

t.test('what a host has put on record is listed beside its runs, the newest first', async (t) => {
  const { folder, publish, chain, write, commit, provisioned } = await auditOf(t);
  await publish(await chain.newer('fire-drill', noon(20, 2)));
  await write(provisioned, (await readFile(join(folder, provisioned), 'utf8')).replace('"count":5', '"count":4'));
  commit();
  const listed = await listPublished(hostAt(folder), inventoryAt(folder));
  t.strictSame(
    listed.runs.map(({ run }) => run),
    ['2026-11-20T040007Z', '2026-11-19T040007Z'],
  );
  t.match(listed.records, [
    { kind: 'fire-drill', trust: 'signed', record: { version: '1.9' } },
    { kind: 'verify', trust: 'signed', record: { places: { length: 2 } } },
    { kind: 'provision', trust: 'untrusted', why: /its signature is not one of this host/ },
  ]);
  const text = formatRecords(listed.records, NOW);
  t.match(text, /^2026-11-20T110001Z +verify +60 min +succeeded +1\.5 s +2 whole, every byte$/m);
  t.match(text, /^2026-11-20T110201Z +fire-drill .* written by a newer coffre \(version 1\.9\)$/m);
  t.match(text, /^2026-11-18T110001Z +provision +NOT TRUSTED +cannot trust the provision/m);
  const signal = new AbortController().signal;
  t.strictSame(await listRuns(hostAt(folder), inventoryAt(folder), 'audit', signal), listed.runs);
  t.equal(formatRecords([], NOW), '');
});

t.test('a kind that only a newer version has is a link of the chain, and told', async (t) => {
  const { publish, chain, judge } = await auditOf(t);
  await publish(await chain.newer('fire-drill', noon(20, 1)));
  await publish(await chain.record('provision', noon(20, 2)));
  const { validation, told } = await judge();
  t.strictSame(told, ['warning newer']);
  t.match(validation.findings, [{ message: /of the kind fire-drill, written by a newer coffre \(version 1\.9\)/ }]);
  t.match(validation.records, { 'fire-drill': 1 });
});

t.test('a look that finds copies bad is an error until a later one at the same place is good', async (t) => {
  const { publish, chain, judge } = await auditOf(t);
  const at = (kind: 'store' | 'export', ...runs: [day: number, verdict: string][]) => ({
    ...{ kind, offsite: null, error: null },
    runs: runs.map(([day, verdict]) => ({
      ...{ run: `2026-11-${day}T040007Z` as RunId, verdict, segments: null, readBytes: 0, findings: 0, unknown: 0 },
      error: verdict === 'unread' ? 'offsite-unreachable' : null,
    })),
  });
  const look = async (minute: number, runs: VerifyRecord['runs'], ...places: ReturnType<typeof at>[]) => {
    const isGood = places.every((place) => place.runs.every(({ verdict }) => verdict === 'whole'));
    const outcome = isGood ? 'succeeded' : 'failed';
    const error = isGood ? null : ({ code: 'verification-failed' } as const);
    const changes = { runs, places, outcome, error } as unknown as Partial<VerifyRecord>;
    await publish(await chain.record('verify', noon(20, minute), changes));
    return (await judge()).validation.findings.map(({ severity, rule, message }) => `${severity} ${rule}: ${message}`);
  };
  const damaged = 'error verified-copies: the last look at 2026-11-19T040007Z in store found it damaged';
  t.strictSame(await look(1, 'all', at('store', [19, 'damaged'], [20, 'whole']), at('export', [20, 'whole'])), [
    damaged,
  ]);
  t.strictSame(await look(2, 'latest', at('store', [20, 'whole'])), [damaged], 'the newest alone says nothing of it');
  t.strictSame(await look(3, 'all', at('export', [20, 'whole'])), [damaged], 'nor does another place');
  t.strictSame(await look(4, 'all', at('store', [19, 'unread'], [20, 'whole'])), [damaged], 'nor what was not read');
  t.strictSame(await look(5, 'all', at('store', [20, 'whole'])), [], 'it is gone, and everything else is whole');
  const missing = 'error verified-copies: the last look at 2026-11-20T040007Z in export found it missing';
  t.strictSame(await look(6, 'one', at('export', [20, 'missing'])), [missing]);
  t.strictSame(await look(7, 'one', at('export', [20, 'whole'])), []);
});

t.test('the attributes of an audit repository belong there, and no others', async (t) => {
  const { write, commit, judge } = await auditOf(t);
  await write('.gitattributes', GIT_ATTRIBUTES);
  commit();
  t.strictSame((await judge()).told, []);
  await write('.gitattributes', `${GIT_ATTRIBUTES}*.json -diff\n`);
  commit();
  t.strictSame((await judge()).told, ['error belongs']);
});

/** What somebody with write access does to records, and every rule that has to see it. */
type Audit = Awaited<ReturnType<typeof auditOf>>;
const attacks: Readonly<Record<string, { act: (audit: Audit) => Promise<unknown>; rules: readonly string[] }>> = {
  'an edited record': {
    act: async ({ folder, write, provisioned: path }) =>
      write(path, (await readFile(join(folder, path), 'utf8')).replace('"count":5', '"count":4')),
    rules: ['signature', 'append-only', 'chain'],
  },
  'a deleted record': {
    act: async ({ folder, provisioned: path }) => {
      await rm(join(folder, path));
      await rm(join(folder, `${path}.sig`));
    },
    rules: ['append-only', 'chain'],
  },
  'a deleted signature': {
    act: async ({ folder, verified: path }) => rm(join(folder, `${path}.sig`)),
    rules: ['append-only', 'signature'],
  },
  'an old record under a new name': {
    act: async ({ folder, write, provisioned: from }) => {
      const to = from.replace('T110001', 'T120001');
      await write(to, await readFile(join(folder, from)));
      await write(`${to}.sig`, await readFile(join(folder, `${from}.sig`)));
    },
    rules: ['record'],
  },
  'a record in the place of another kind': {
    act: async ({ folder, write, provisioned: from }) => {
      const to = from.replace('provision', 'prune');
      await write(to, await readFile(join(folder, from)));
      await write(`${to}.sig`, await readFile(join(folder, `${from}.sig`)));
    },
    rules: ['record'],
  },
  'a record in the place of a run': {
    act: async ({ folder, write, provisioned: from }) => {
      const to = from.replace('-provision', '');
      await write(to, await readFile(join(folder, from)));
      await write(`${to}.sig`, await readFile(join(folder, `${from}.sig`)));
    },
    rules: ['manifest'],
  },
  'the record of another host': {
    act: async ({ publish, provisioned }) =>
      publish(await hostChain(db2).record('provision', noon(19)), provisioned.replace('11-18', '11-19')),
    rules: ['record', 'signature'],
  },
  'a fork': {
    act: async ({ publish }) => publish(await hostChain(db1).record('prune', noon(19))),
    rules: ['chain'],
  },
  'a record from the future': {
    act: async ({ publish, chain }) => publish(await chain.record('prune', noon(22))),
    rules: ['time'],
  },
  'a record that ended before it began': {
    act: async ({ publish, chain }) =>
      publish(await chain.record('prune', noon(20, 9), { finishedAt: noon(20, 8).toISOString() })),
    rules: ['time'],
  },
};

for (const [name, { act, rules }] of Object.entries(attacks)) {
  t.test(`sees ${name}`, async (t) => {
    const audit = await auditOf(t);
    t.strictSame((await audit.judge()).told, []);
    await act(audit);
    audit.commit();
    const { validation } = await audit.judge();
    const errors = validation.findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
    const told = validation.findings.map(({ rule, message }) => `${rule}: ${message}`).join('\n');
    t.strictSame([...new Set(errors)].sort(), [...rules].sort(), told);
    for (const finding of validation.findings) t.ok(finding.hint.length > 0);
  });
}
