import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { manifestPath } from '../../lib/audit/paths.ts';
import { assertValid, validate } from '../../lib/flow/validate.ts';
import type { HostConfig, Inventory } from '../../lib/model/inventory.ts';
import type { Manifest, SignedManifest } from '../../lib/model/manifest.ts';
import type { HostName, OffsiteName } from '../../lib/model/names.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { type Signer, signerOf, temporaryFolder } from '../fixture/signer.ts';

type T = Parameters<typeof temporaryFolder>[0];
const day = (n: number) => new Date(Date.UTC(2026, 10, n, 4, 0, 7));
const clock = { now: () => new Date('2026-11-04T12:00:00Z') };
const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

/** An audit repository with work tree, where each change is a commit. */
class Audit {
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }

  static async open(t: T): Promise<Audit> {
    const folder = await temporaryFolder(t);
    git(folder, 'init', '-q', '-b', 'main');
    for (const [key, value] of [
      ['user.name', 'x'],
      ['user.email', 'x'],
      ['commit.gpgSign', 'false'],
    ])
      git(folder, 'config', key ?? '', value ?? '');
    const audit = new Audit(folder);
    await audit.write('README.md', 'manifests');
    audit.commit();
    return audit;
  }

  async write(path: string, content: string | Buffer): Promise<void> {
    await mkdir(dirname(join(this.folder, path)), { recursive: true });
    await writeFile(join(this.folder, path), content);
  }

  async publish(
    signed: SignedManifest,
    path = manifestPath(signed.manifest.host, signed.manifest.run),
  ): Promise<string> {
    await this.write(path, signed.bytes);
    await this.write(`${path}.sig`, signed.signature);
    return this.commit();
  }

  commit(): string {
    git(this.folder, 'add', '-A');
    git(this.folder, 'commit', '-q', '--allow-empty', '-m', 'x');
    return git(this.folder, 'rev-parse', 'HEAD');
  }
}

function inventoryOf(signers: readonly Signer[], extra = ''): Inventory {
  const nightly = { schedule: '0 4 * * *', timezone: 'UTC', graceHours: 6 };
  const plan = { ...nightly, offsite: [{ name: 'contractor' }], recipients: [] };
  return {
    folder: 'inventory',
    hosts: new Map(
      signers.map(({ host }) => [host, { ...plan, name: host, audit: { branch: 'main' } } as unknown as HostConfig]),
    ),
    drillers: new Map(),
    recipients: new Map(),
    allowedSigners: signers.map(({ line }) => line).join('') + extra,
  };
}

/** Two hosts with three good nights each: made once, copied for every test. */
const template = (async () => {
  const audit = await Audit.open(t);
  const signers = [await signerOf(t, 'db1'), await signerOf(t, 'db2')] as const;
  const signed: SignedManifest[] = [];
  for (const n of [2, 3, 4]) {
    for (const signer of signers) {
      const one = await signer.next(day(n));
      signed.push(one);
      await audit.publish(one);
    }
  }
  return { folder: audit.folder, signers, signed };
})();

async function fleet(t: T) {
  const { folder, signers, signed } = await template;
  const audit = new Audit(join(await temporaryFolder(t), 'audit'));
  await cp(folder, audit.folder, { recursive: true });
  const [db1, db2] = [signers[0].branch(), signers[1].branch()];
  const inventory = inventoryOf([db1, db2]);
  const judge = (since?: string, location = audit.folder) =>
    validate({ inventory, source: { location }, clock, ...(since === undefined ? {} : { since }) });
  return { audit, db1, db2, signed, inventory, judge };
}

const told = ({ findings }: Awaited<ReturnType<typeof validate>>) =>
  findings.map(({ severity, rule, host, path }) => `${severity} ${rule} ${host ?? path ?? ''}`);
const at = (n: number, host = 'db1') => manifestPath(host as HostName, manifestOf(host, day(n)).run);

t.test('finds nothing wrong with what hosts publish: work tree, bare repository, or remote', async (t) => {
  const { audit, judge } = await fleet(t);
  const bare = join(await temporaryFolder(t), 'audit.git');
  execFileSync('git', ['clone', '-q', '--bare', audit.folder, bare], { stdio: 'ignore' });
  for (const location of [audit.folder, bare]) {
    const validation = await judge(undefined, location);
    t.strictSame(validation.findings, []);
    t.equal(validation.manifests, 6);
    t.match(validation.hosts, [
      { host: 'db1', state: 'fresh', latest: { sequence: 3 } },
      { host: 'db2', state: 'fresh' },
    ]);
    assertValid(validation);
  }
});

t.test('sees a rewritten history by the head that was known before', async (t) => {
  const { audit, judge } = await fleet(t);
  const head = git(audit.folder, 'rev-parse', 'HEAD');
  t.strictSame((await judge(head)).findings, []);
  t.strictSame((await judge(git(audit.folder, 'rev-parse', 'HEAD~2'))).findings, []);
  git(audit.folder, 'commit', '-q', '--amend', '-m', 'rewritten');
  t.strictSame(told(await judge(head)), ['error append-only ']);
  t.strictSame(told(await judge('1'.repeat(40))), ['error append-only ']);
  for (const name of ['zzz', '--all', 'HEAD', 'main~1', ''])
    await t.rejects(judge(name), { code: 'usage', exitCode: 2 }, name);
});

t.test('sees what one commit removed and a later one brought back, and what a merge dropped', async (t) => {
  const { audit, judge } = await fleet(t);
  const content = await readFile(join(audit.folder, at(2)));
  await rm(join(audit.folder, at(2)));
  audit.commit();
  await audit.write(at(2), content);
  audit.commit();
  t.strictSame(told(await judge()), [`error append-only ${at(2)}`]);
  git(audit.folder, 'checkout', '-q', '-b', 'side', 'HEAD~3');
  git(audit.folder, 'commit', '-q', '--allow-empty', '-m', 'side');
  git(audit.folder, 'merge', '-q', '-s', 'ours', '-m', 'dropped', 'main');
  t.ok(told(await judge()).length > 1);
});

t.test('does not vouch for a history that is not there', async (t) => {
  const { audit, judge } = await fleet(t);
  const shallow = join(await temporaryFolder(t), 'shallow');
  execFileSync('git', ['clone', '-q', '--depth', '1', `file://${audit.folder}`, shallow], { stdio: 'ignore' });
  const validation = await judge(undefined, shallow);
  t.match(validation.findings, [{ rule: 'append-only', severity: 'error', hint: /fetch-depth: 0/ }]);
});

t.test('runs nothing that a repository configures', async (t) => {
  const { audit, judge } = await fleet(t);
  const flag = join(await temporaryFolder(t), 'ran');
  for (const key of ['core.fsmonitor', 'gpg.program', 'diff.external', 'core.pager', 'core.sshCommand'])
    git(audit.folder, 'config', key, `touch ${flag}`);
  git(audit.folder, 'config', 'log.showSignature', 'true');
  t.strictSame((await judge()).findings, []);
  await t.rejects(readFile(flag), { code: 'ENOENT' });
});

t.test('says what is missing: no run, no run that succeeded, none that is young enough', async (t) => {
  const audit = await Audit.open(t);
  const signers = await Promise.all(['fresh', 'failed', 'late', 'never', 'empty'].map((name) => signerOf(t, name)));
  const [fresh, failed, late, never] = signers as [Signer, Signer, Signer, Signer, Signer];
  await audit.publish(await fresh.next(day(4)));
  await audit.publish(await failed.next(day(4)));
  await audit.publish(await failed.next(new Date('2026-11-04T09:00:00Z'), { outcome: 'failed' }));
  await audit.publish(await late.next(day(3)));
  await audit.publish(await never.next(day(4), { outcome: 'failed' }));
  const validation = await validate({ inventory: inventoryOf(signers), source: { location: audit.folder }, clock });
  t.strictSame(told(validation).sort(), [
    'error freshness empty',
    'error freshness late',
    'error freshness never',
    'warning freshness failed',
  ]);
  // Until the hours of grace are over, last night's run is enough.
  const early = await validate({
    inventory: inventoryOf([late]),
    source: { location: audit.folder },
    clock: { now: () => new Date('2026-11-04T09:59:00Z') },
  });
  t.notOk(early.findings.some(({ rule }) => rule === 'freshness'));
});

t.test(
  'a copy that is owed is a warning for one night, an error from then on, and nothing once delivered',
  async (t) => {
    const copies = (state: 'complete' | 'owed'): Manifest['copies'] => [
      { kind: 'store', offsite: null, state: 'complete', verified: 'read back' },
      { kind: 'offsite', offsite: 'contractor' as OffsiteName, state, verified: state === 'owed' ? null : 'size only' },
    ];
    const judge = async (nights: readonly Partial<Manifest>[]) => {
      const audit = await Audit.open(t);
      const signer = await signerOf(t, 'db1');
      for (const [index, night] of nights.entries())
        await audit.publish(await signer.next(day(5 - nights.length + index), night));
      return told(await validate({ inventory: inventoryOf([signer]), source: { location: audit.folder }, clock }));
    };
    const owed = { copies: copies('owed') };
    t.strictSame(await judge([{}, owed]), ['warning owed-copy db1']);
    t.strictSame(await judge([{}, owed, owed]), ['error owed-copy db1']);
    t.strictSame(await judge([owed]), ['error owed-copy db1']);
    const { run } = manifestOf('db1', day(3));
    t.strictSame(
      await judge([owed, { deliveries: [{ run, offsite: 'contractor' as OffsiteName, verified: 'size only' }] }]),
      [],
    );
    const atHome = {
      copies: copies('complete').map((copy) =>
        copy.kind === 'store' ? { ...copy, state: 'owed' as const, verified: null } : copy,
      ),
    };
    t.strictSame(await judge([{}, atHome]), ['warning owed-copy db1'], 'the store is owed in the same way');
    t.strictSame(await judge([{}, atHome, atHome]), ['error owed-copy db1']);
    t.strictSame(await judge([atHome, { storeDeliveries: [{ run, verified: 'read back' }] }]), []);
  },
);

t.test('keeps trusting what a retired host has signed, and waits for nothing from it', async (t) => {
  const { audit, db1, db2 } = await fleet(t);
  const inventory = inventoryOf([db1], db2.line.replace('\n', ' retired\n'));
  const validation = await validate({ inventory, source: { location: audit.folder }, clock: { now: () => day(4) } });
  t.strictSame(validation.findings, []);
  t.match(validation.hosts, [{ host: 'db1' }, { host: 'db2', state: 'retired' }]);
});

t.test('an empty repository has no runs, and what is no repository is said to be none', async (t) => {
  const folder = await temporaryFolder(t);
  git(folder, 'init', '-q', '-b', 'main');
  const inventory = inventoryOf([await signerOf(t, 'db1')]);
  t.strictSame(told(await validate({ inventory, source: { location: folder }, clock })), ['error freshness db1']);
  for (const location of [await temporaryFolder(t), '/nowhere/at/all', '--upload-pack=x']) {
    await t.rejects(validate({ inventory, source: { location }, clock }), { code: 'not-found', hint: /./ }, location);
  }
  await t.rejects(validate({ inventory, source: { location: 'ssh://127.0.0.1:1/x' }, clock }), {
    code: 'audit-unreachable',
  });
});
