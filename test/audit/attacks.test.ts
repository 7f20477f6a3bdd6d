import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { manifestPath } from '../../lib/audit/paths.ts';
import { repositoryFiles } from '../../lib/audit/repository-files.ts';
import { assertValid, type Validation } from '../../lib/flow/validate.ts';
import type { GitHubRepository } from '../../lib/model/github-address.ts';
import type { HostName } from '../../lib/model/names.ts';
import type { RunId } from '../../lib/model/run-id.ts';
import { AuditHost, AuditWorld, type Change, filesOf, inventoryFor, type Published } from '../fixture/audit-world.ts';
import { withParent } from '../fixture/commit-graph.ts';
import { temporaryFolder } from '../fixture/signer.ts';
import { sshSigner } from '../fixture/ssh-signer.ts';

/*
 * What somebody can do who may write to the audit repository, and what somebody can do who has besides stolen a key. Each
 * attack is made on a real repository with real chains, and is seen by the rules that are named, and by no others.
 */

const night = (n: number, hour = 4) => new Date(Date.UTC(2026, 10, n, hour, 0, 7));
const NOW = new Date('2026-11-04T12:00:00Z');
const runAt = (n: number) => manifestPath('db1' as HostName, `2026-11-0${n}T040007Z` as RunId);

/** Two hosts, three good nights each, a commit for each: made once, copied for every attack. */
const template = (async () => {
  const world = await AuditWorld.open(t, NOW);
  world.commit([{ path: 'README.md', content: 'manifests' }], { at: night(1) });
  const [db1, db2] = [new AuditHost('db1'), new AuditHost('db2')];
  const records: Published[] = [];
  for (const n of [2, 3, 4]) {
    for (const host of [db1, db2]) {
      const record = host.next(night(n));
      records.push(record);
      world.publish([record], { at: night(n, 5) });
    }
  }
  return { world, db1, db2, records };
})();

async function setting(t: Parameters<typeof temporaryFolder>[0]) {
  const { world, db1, db2, records } = await template;
  const of = (index: number) => records[index] as Published;
  const [hosts] = [[db1.branch(), db2.branch()] as const];
  // In the order in which they were published: db1 and db2 in turns.
  return { world: await world.copy(t), db1: hosts[0], db2: hosts[1], of, inventory: inventoryFor(hosts) };
}

type Setting = Awaited<ReturnType<typeof setting>>;
interface Attack {
  readonly act: (setting: Setting) => readonly Change[];
  /** All that has to be an error, and nothing else may be. */
  readonly rules: readonly string[];
}

const gone = (path: string): Change[] => [
  { path, gone: true },
  { path: `${path}.sig`, gone: true },
];
/** Signed by the host's own key, whatever it is. */
const signed = ({ db1 }: Setting, bytes: Buffer, path = runAt(5)) =>
  filesOf({ path, bytes, signature: db1.key.sign(bytes) });
const rewritten = (setting: Setting, change: (text: string) => string | Buffer) =>
  signed(setting, Buffer.from(change(setting.db1.record(night(5)).bytes.toString()) as Buffer));

const ATTACKS: Readonly<Record<string, Attack>> = {
  'a manifest edited': {
    act: ({ of }) => [{ path: of(0).path, content: of(0).bytes.toString().replace('"tables":3', '"tables":2') }],
    rules: ['append-only', 'chain', 'signature'],
  },
  'a manifest edited, with a signature by who has edited it': {
    act: ({ of, db2 }) => {
      const bytes = Buffer.from(of(0).bytes.toString().replace('"tables":3', '"tables":2'));
      return filesOf({ path: of(0).path, bytes, signature: db2.key.sign(bytes) });
    },
    rules: ['append-only', 'chain', 'signature'],
  },
  'a manifest deleted': { act: ({ of }) => gone(of(2).path), rules: ['append-only', 'chain'] },
  'the newest manifest deleted': { act: ({ of }) => gone(of(4).path), rules: ['append-only', 'freshness'] },
  'a signature deleted': {
    act: ({ of }) => [{ path: `${of(2).path}.sig`, gone: true }],
    rules: ['append-only', 'chain', 'signature'],
  },
  'all records of a host deleted': {
    act: ({ of }) => [0, 2, 4].flatMap((n) => gone(of(n).path)),
    rules: ['append-only', 'freshness'],
  },
  'two manifests exchanged': {
    act: ({ of }) => [...filesOf({ ...of(2), path: of(0).path }), ...filesOf({ ...of(0), path: of(2).path })],
    rules: ['append-only', 'chain', 'manifest'],
  },
  'the order of the chain turned round, by who has the key': {
    act: ({ db1, of }) => {
      const later = db1.record(night(4, 7), { sequence: 5, previous: of(4).sha256 });
      return [...filesOf(later), ...filesOf(db1.record(night(4, 8), { sequence: 4, previous: later.sha256 }))];
    },
    rules: ['chain'],
  },
  'a manifest dated back, by who has the key': {
    act: ({ db1 }) => filesOf(db1.next(night(1))),
    rules: ['chain'],
  },
  'a manifest from the future': { act: ({ db1 }) => filesOf(db1.next(night(20))), rules: ['time'] },
  'a manifest whose name denies its times': {
    act: ({ db1 }) => filesOf(db1.next(night(4, 5), { startedAt: night(4, 6).toISOString() })),
    rules: ['time'],
  },
  'a manifest signed by another host': {
    act: ({ db1, db2 }) => {
      const record = db1.next(night(4, 7));
      return filesOf({ ...record, signature: db2.key.sign(record.bytes) });
    },
    rules: ['signature'],
  },
  'a manifest signed by a key that nobody knows': {
    act: ({ db1 }) => filesOf(db1.branch(sshSigner('ed25519')).next(night(4, 7))),
    rules: ['signature'],
  },
  "another host's manifest": {
    act: ({ of }) => filesOf({ ...of(5), path: runAt(5) }),
    rules: ['manifest', 'signature'],
  },
  'a manifest replayed under a new name': {
    act: ({ of }) => filesOf({ ...of(0), path: runAt(5) }),
    rules: ['manifest'],
  },
  'a manifest in the folder of another year': {
    act: ({ of }) => filesOf({ ...of(0), path: of(0).path.replace('/2026/', '/2025/') }),
    rules: ['belongs'],
  },
  'the chain forked': {
    act: ({ db1, of }) => filesOf(db1.record(night(4, 5), { sequence: 3, previous: of(2).sha256 })),
    rules: ['chain'],
  },
  'the chain begun anew': {
    act: ({ db1 }) => filesOf(db1.record(night(4, 5), { sequence: 1, previous: null })),
    rules: ['chain'],
  },
  'a gap in the chain': {
    act: ({ db1 }) => filesOf(db1.record(night(4, 5), { sequence: 9, previous: null })),
    rules: ['chain'],
  },
  'a host that nobody knows': {
    act: () => filesOf(new AuditHost('db9').next(night(4))),
    rules: ['known-host', 'signature'],
  },
  'a signature with something behind it': {
    act: ({ of }) => [{ path: `${of(4).path}.sig`, content: Buffer.concat([of(4).signature, Buffer.from('x')]) }],
    rules: ['append-only', 'signature'],
  },
  'a file smuggled in beside': {
    act: () => [{ path: 'manifests/db1/2026/dump.sql', content: 'x' }],
    rules: ['belongs'],
  },
  'a file that changes line ends': {
    act: () => [{ path: '.gitattributes', content: '* text=auto' }],
    rules: ['belongs'],
  },
  'a path with a line end and an escape in it': {
    act: () => [{ path: 'manifests/db1/2026/\u001b[2Jx\n::error::x.json', content: 'x' }],
    rules: ['belongs'],
  },
  'a path that is no UTF-8': {
    act: () => [{ path: Buffer.from('manifests/db1/\xff', 'latin1'), content: 'x' }],
    rules: ['belongs'],
  },
  'five thousand files': {
    act: () => Array.from({ length: 5000 }, (_, n) => ({ path: `manifests/x/${n}`, content: '' })),
    rules: ['belongs'],
  },
  'a symbolic link in the place of a manifest': {
    act: () => [{ path: runAt(5), content: '/etc/passwd', mode: '120000' }],
    rules: ['belongs', 'signature'],
  },
  'a symbolic link in the place of a host': {
    act: () => [{ path: 'manifests/db3', content: '/etc', mode: '120000' }],
    rules: ['belongs'],
  },
  'a symbolic link named README.md': {
    act: () => [{ path: 'README.md', content: '/etc/passwd', mode: '120000' }],
    rules: ['belongs'],
  },
  'a submodule': { act: () => [{ path: '.github/x', submodule: '1'.repeat(40) }], rules: ['belongs'] },
  'a submodule in the place of a host': {
    act: () => [{ path: 'manifests/db3', submodule: '1'.repeat(40) }],
    rules: ['belongs'],
  },
  'an executable record': {
    act: ({ of }) => [{ path: of(4).path, content: of(4).bytes, mode: '100755' }],
    rules: ['append-only', 'belongs', 'freshness'],
  },
  'a huge manifest': {
    act: () => filesOf({ path: runAt(5), bytes: Buffer.alloc(8 * 1024 * 1024, 32), signature: Buffer.from('x') }),
    rules: ['belongs'],
  },
  'a huge signature': {
    act: ({ db1 }) => filesOf({ ...db1.next(night(4, 5)), signature: Buffer.alloc(20_000, 'A') }),
    rules: ['belongs'],
  },
  'JSON with duplicate keys, signed': {
    act: (setting) => rewritten(setting, (text) => text.replace('"host":"db1"', '"host":"db1","host":"db1"')),
    rules: ['manifest'],
  },
  'JSON with a key that is a prototype, signed': {
    act: (setting) => rewritten(setting, (text) => text.replace('{"archives"', '{"__proto__":{"x":1},"archives"')),
    rules: ['manifest'],
  },
  'JSON that is nested deep, signed': {
    act: (setting) => signed(setting, Buffer.from('['.repeat(200_000) + ']'.repeat(200_000))),
    rules: ['manifest'],
  },
  'invalid UTF-8, signed': {
    act: (setting) => rewritten(setting, (text) => Buffer.concat([Buffer.from(text), Buffer.from([0xff])])),
    rules: ['manifest'],
  },
  'other blanks between the fields, signed': {
    act: (setting) => rewritten(setting, (text) => text.replace(',', ', ')),
    rules: ['manifest'],
  },
  'a later major version, signed': {
    act: (setting) => rewritten(setting, (text) => text.replace(/"version":"1\.\d"\}$/, '"version":"2.0"}')),
    rules: ['manifest'],
  },
  'no JSON, signed': { act: (setting) => signed(setting, Buffer.from('x')), rules: ['manifest'] },
  'nothing, signed': { act: (setting) => signed(setting, Buffer.alloc(0)), rules: ['manifest'] },
};

const errorsOf = ({ findings }: Validation) => [
  ...new Set(findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule)),
];
const told = ({ findings }: Validation) =>
  findings.map(({ rule, path, message }) => `${rule} ${path}: ${message}`).join('\n');

t.test('finds nothing where there was no attack', async (t) => {
  const { world, inventory } = await setting(t);
  t.strictSame((await world.judge(inventory)).findings, []);
});

for (const [name, { act, rules }] of Object.entries(ATTACKS)) {
  t.test(`sees ${name}`, async (t) => {
    const at = await setting(t);
    at.world.commit(act(at));
    const validation = await at.world.judge(at.inventory);
    t.strictSame(errorsOf(validation).sort(), [...rules].sort(), told(validation).slice(0, 2000));
    t.throws(() => assertValid(validation), { code: 'verification-failed', exitCode: 5 });
    t.ok(validation.findings.length < 120, 'a flood is told by its first findings');
    for (const { hint, message } of validation.findings) t.notOk(hint === '' || message === '');
  });
}

t.test('sees a record that came long after it says it was made', async (t) => {
  const { world, db1, inventory } = await setting(t);
  world.now = night(10, 12);
  for (const n of [5, 6, 7, 8, 9]) world.publish([db1.next(night(n))], { at: night(n, 5) });
  world.publish([db1.next(night(9, 6))], { at: night(10, 11) });
  t.notOk(
    (await world.judge(inventory)).findings.some(({ rule }) => rule === 'arrival'),
    'a day later is usual',
  );
  // Nothing in the chain denies it: it is later than the one before it.
  world.now = night(14, 12);
  world.publish([db1.next(night(10))], { at: night(14, 11) });
  const { findings } = await world.judge(inventory);
  t.match(
    findings.filter(({ rule }) => rule === 'arrival'),
    [{ severity: 'warning', host: 'db1', message: /it came 4 days after it says it began/, hint: /git show/ }],
  );
});

t.test('sees a history that was rewritten, by the head that it remembers', async (t) => {
  const { world, of, db1, inventory } = await setting(t);
  const state = await temporaryFolder(t);
  const first = await world.judge(inventory, { state });
  t.strictSame([first.remembered, first.findings.length], [null, 0]);
  const second = await world.judge(inventory, { state });
  t.strictSame([second.remembered, second.findings.length], [{ head: world.head(), seenAt: NOW.toISOString() }, 0]);
  const head = world.head();

  // Cut back by a night, all that is left is whole: the newest record is gone, and nothing but a memory can tell.
  world.git('update-ref', 'refs/heads/main', `${head}~2`);
  const cut = await world.judge(inventory, { state });
  t.same(
    cut.findings
      .filter(({ rule }) => rule === 'append-only')
      .map(({ host }) => host)
      .sort(),
    ['db1', 'db2', null],
  );
  t.match(cut.findings, [{ message: new RegExp(`does not contain ${head.slice(0, 12)}`) }, {}, {}]);
  t.ok(
    errorsOf(await world.judge(inventory)).every((rule) => rule === 'freshness'),
    'without it nobody sees it',
  );

  // The same files by other commits: each record is there, and still this is another history.
  world.commit([{ path: 'README.md', content: 'other' }], { on: `${head}~3` });
  world.publish([of(4), of(5), of(3)]);
  t.strictSame(errorsOf(await world.judge(inventory, { state })), ['append-only']);
  t.match((await world.judge(inventory, { state })).findings, [{ host: null, hint: /git show/ }], 'and stays one');

  // What was cut off comes back, and the next night after it.
  world.now = night(5, 12);
  world.git('update-ref', 'refs/heads/main', head);
  world.publish([db1.next(night(5))], { at: night(5, 5) });
  t.strictSame(errorsOf(await world.judge(inventory, { state })), ['freshness'], 'db2 has no run of this night');
});

t.test('sees that a chain was replaced where the history is not there to tell', async (t) => {
  const { world, db1, of, inventory } = await setting(t);
  const state = join(await temporaryFolder(t), 'seen.json');
  await world.judge(inventory, { state });
  // Whoever has the key writes the last night anew, and pushes with force.
  world.commit(gone(of(4).path), { on: `${world.head()}~2` });
  const again = db1.record(night(4, 5), { sequence: 3, previous: of(2).sha256 });
  world.publish([again]);
  const { findings } = await world.judge(inventory, { state });
  t.match(
    findings.filter(({ host }) => host === 'db1'),
    [{ rule: 'append-only', message: /number 3 .* is another one now/, path: again.path }],
  );
  const kept = JSON.parse(readFileSync(state, 'utf8')) as { repositories: Record<string, { chains: object }> };
  t.match(Object.values(kept.repositories), [{ chains: { 'manifests db1': { sequence: 3, sha256: of(4).sha256 } } }]);
});

t.test('a key that has expired', async (t) => {
  const { world, db1, db2, inventory } = await setting(t);
  const until = (when: string) => ({ ...inventory, allowedSigners: db1.line(`valid-before="${when}"`) + db2.line() });

  await t.test('is good for what it signed while it was valid', async (t) => {
    const later = until('20261104120000Z');
    t.match((await world.judge(later)).findings, [
      { rule: 'signer', severity: 'warning', message: /expires at 2026-11-04T12/ },
    ]);
  });
  await t.test('is not for what it signed later', async (t) => {
    const validation = await world.judge(until('20261103235959Z'));
    t.strictSame(errorsOf(validation).sort(), ['freshness', 'signer']);
    t.match(
      validation.findings.filter(({ path }) => path === runAt(4)),
      [{ message: /which is valid until 2026-11-03T23:59:59/ }],
    );
  });
  await t.test('signs nothing between records of the key that came after it', async (t) => {
    const copy = await world.copy(t);
    const successor = db1.branch(sshSigner('ed25519'));
    const lines =
      db1.line('valid-before="20261104060000Z"') + successor.line('valid-after="20261104060000Z"') + db2.line();
    copy.publish([successor.next(night(4, 7))]);
    t.strictSame((await copy.judge({ ...inventory, allowedSigners: lines })).findings, []);
    // Whoever has the old key dates the record back into its time.
    const forged = new AuditHost('db1', db1.key, successor.head).next(night(4, 5));
    copy.publish([forged]);
    const validation = await copy.judge({ ...inventory, allowedSigners: lines });
    t.strictSame(errorsOf(validation), ['signer']);
    t.match(validation.findings, [
      { path: forged.path, message: /which another key had signed/ },
      { rule: 'chain', severity: 'warning' },
    ]);
  });
});

t.test('a key that was retired signs nothing more at the end of a chain that nobody continues', async (t) => {
  const { world, db1, db2, inventory } = await setting(t);
  const state = await temporaryFolder(t);
  const left = { ...inventoryFor([db2]), allowedSigners: db1.line('', 'retired') + db2.line() };
  t.strictSame((await world.judge(left, { state })).findings, []);
  world.publish([db1.next(night(4, 9))]);
  t.strictSame((await world.judge(left)).findings, [], 'without a memory it is as good as any');
  for (const time of ['first', 'second']) {
    const validation = await world.judge(left, { state });
    t.match(
      validation.findings,
      [{ rule: 'signer', severity: 'error', host: 'db1', message: /was not there yet on 2026-11-04T12/ }],
      time,
    );
  }
  t.strictSame(
    errorsOf(await world.judge({ ...inventory, allowedSigners: db2.line() })).sort(),
    ['freshness', 'signature'],
    'removed',
  );
});

t.test('a file that remembers and is damaged is never taken for none', async (t) => {
  const { world, inventory } = await setting(t);
  const state = t.testdir({ 'validate.json': '{}' });
  await t.rejects(world.judge(inventory, { state }), { code: 'verification-failed', hint: /backup/ });
  t.equal(readFileSync(join(state, 'validate.json'), 'utf8'), '{}');
});

t.test('what stands beside the records, and is not what audit-init writes, is a warning', async (t) => {
  const { world, db1, db2, inventory } = await setting(t);
  const warnings = async () =>
    (await world.judge(inventory)).findings
      .filter(({ rule }) => rule === 'belongs')
      .map((each) => {
        return `${each.severity} ${each.path}: ${each.message}`;
      });
  const ours = await repositoryFiles({
    branch: 'main',
    allowedSigners: inventory.allowedSigners,
    watchdog: {
      software: { repository: 'acme/coffre' as GitHubRepository, commit: '0'.repeat(40) },
      inventory: { repository: 'acme/backups' as GitHubRepository, branch: 'main', folder: 'inventory' },
    },
  });
  const put = (...files: Change[]) => world.commit(files, { at: night(4, 9) });
  put(
    { path: 'allowed_signers', content: inventory.allowedSigners },
    { path: '.gitattributes', content: ours.get('.gitattributes') ?? '' },
    { path: '.github/workflows/audit.yml', content: ours.get('.github/workflows/audit.yml') ?? '' },
    { path: '.github/CODEOWNERS', content: '* @acme' },
  );
  t.strictSame(await warnings(), []);
  put(
    { path: 'allowed_signers', content: `${db1.line()}${db2.line()}${new AuditHost('db1').line()}` },
    { path: '.gitattributes', gone: true },
    {
      path: '.github/workflows/audit.yml',
      content: (ours.get('.github/workflows/audit.yml') ?? '').replace('acme/coffre', 'mallory/coffre'),
    },
    { path: '.github/workflows/other.yml', content: 'on: push' },
    { path: 'README.md', content: 'x'.repeat(1024 * 1024 + 1) },
  );
  t.strictSame((await warnings()).sort(), [
    'warning .gitattributes: it is not there, without which a clone may show and change records otherwise than they were signed',
    'warning .github/workflows/audit.yml: it is not what audit-init writes: nobody may be watching',
    'warning .github/workflows/other.yml: it is a workflow that coffre has not written',
    'warning README.md: it is larger than a mebibyte',
    'warning allowed_signers: it is not the one of the inventory: whoever checks a record by it trusts other keys',
  ]);
});

t.test('tells signatures that are wrong for different reasons apart, each with what mends it', async (t) => {
  const { world, db1, db2, inventory } = await setting(t);
  const signatures = async () =>
    (await world.judge(inventory)).findings.filter(({ rule, path }) => rule === 'signature' && path === runAt(5));
  const record = db1.record(night(5));
  const stranger = sshSigner('ed25519');
  const cases: Record<string, [Buffer, RegExp, RegExp]> = {
    'by another host': [db2.key.sign(record.bytes), /: it was signed by the key of db2$/, /^see who put it there/],
    'by nobody': [
      stranger.sign(record.bytes),
      /: it was signed by a key that the inventory does not know, SHA256:\S{43}$/,
      /^if that was a key of db1, bring its line back into signers\/allowed_signers .* retired/,
    ],
    'over other bytes': [
      db1.key.sign(Buffer.from('other')),
      /: the key is that of db1, and the bytes are not those that were signed$/,
      /^see what was changed: git log -p -- /,
    ],
    'no signature': [Buffer.from('x'), /: it is not armored as ssh-keygen does it$/, /\.json\.sig$/],
  };
  for (const [name, [signature, message, hint]] of Object.entries(cases)) {
    world.commit(filesOf({ ...record, signature }), { at: night(4, 9) });
    t.match(await signatures(), [{ message, hint }], name);
  }
});

t.test('a checkout of another branch than the one that hosts publish to is told', async (t) => {
  const { world, inventory } = await setting(t);
  const git = (...args: string[]) => execFileSync('git', ['-C', world.repository, ...args]);
  git('branch', 'other', 'main');
  git('symbolic-ref', 'HEAD', 'refs/heads/other');
  t.match((await world.judge(inventory)).findings, [
    {
      rule: 'branch',
      severity: 'warning',
      message: `the folder is on the branch other, and hosts publish to main: what was looked at is commit ${world.head().slice(0, 12)}`,
      hint: /^git checkout main; /,
    },
  ]);
});

t.test(
  'a checkout of a commit, which is on no branch, is told, and a bare repository on its branch is not',
  async (t) => {
    const { world, inventory } = await setting(t);
    const folder = join(await temporaryFolder(t), 'checkout');
    execFileSync('git', ['clone', '-q', world.repository, folder]);
    const checkout = new AuditWorld(folder, NOW);
    t.strictSame((await checkout.judge(inventory)).findings, []);
    execFileSync('git', ['-C', folder, 'checkout', '-q', '--detach']);
    const head = world.head().slice(0, 12);
    t.match((await checkout.judge(inventory)).findings, [
      {
        rule: 'branch',
        severity: 'warning',
        message: `the folder is on no branch (detached HEAD), and hosts publish to main: what was looked at is commit ${head}`,
        hint: /^git checkout main; /,
      },
    ]);
    const bare = join(await temporaryFolder(t), 'bare.git');
    execFileSync('git', ['clone', '-q', '--bare', world.repository, bare]);
    t.strictSame((await new AuditWorld(bare, NOW).judge(inventory)).findings, []);
  },
);

t.test('neither a graft, nor a replaced commit, nor a forged commit graph in a clone hides a rewrite', async (t) => {
  const { world, of, inventory } = await setting(t);
  const before = world.head();
  const { path, bytes } = of(0);
  world.commit([{ path, content: bytes.toString().replace('"tables":3', '"tables":2') }], { at: night(4, 9) });
  world.commit([{ path, content: bytes }], { at: night(4, 10) });
  const errors = async () => {
    const { findings } = await world.judge(inventory);
    return findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
  };
  const seen = await errors();
  t.ok(seen.includes('append-only'));
  const graft = join(world.repository, 'info', 'grafts');
  writeFileSync(graft, `${world.head()} ${before}\n`);
  t.equal(world.git('rev-list', '--count', 'main', `^${before}`), '1', 'git itself believes the graft');
  t.strictSame(await errors(), seen);
  rmSync(graft);
  world.git('replace', '--graft', world.head(), before);
  t.equal(world.git('rev-list', '--count', 'main', `^${before}`), '1', 'git itself believes the replacement');
  t.strictSame(await errors(), seen);
  world.git('replace', '--delete', world.head());
  world.git('commit-graph', 'write', '--reachable');
  const graph = join(world.repository, 'objects', 'info', 'commit-graph');
  chmodSync(graph, 0o644);
  writeFileSync(graph, withParent(readFileSync(graph), world.head(), before));
  t.equal(world.git('rev-list', '--count', 'main', `^${before}`), '1', 'git itself believes the commit graph');
  t.strictSame(await errors(), seen);
});

t.test('a clone without all of its files is told as that', async (t) => {
  const { world, inventory } = await setting(t);
  const folder = join(await temporaryFolder(t), 'clone');
  execFileSync('git', ['-C', world.repository, 'config', 'uploadpack.allowFilter', 'true']);
  const from = `file://${world.repository}`;
  execFileSync('git', ['clone', '-q', '--bare', '--filter=blob:none', from, folder]);
  await t.rejects(new AuditWorld(folder, NOW).judge(inventory), {
    code: 'not-found',
    hint: /fetch --refetch --no-filter$/,
  });
  execFileSync('git', ['-C', folder, 'fetch', '-q', '--refetch', '--no-filter', 'origin']);
  t.strictSame((await new AuditWorld(folder, NOW).judge(inventory)).findings, []);
});

t.test('a run that says it succeeded, and names an error of its dump, is a warning', async (t) => {
  const { world, db1, inventory } = await setting(t);
  world.publish([db1.next(night(4, 9), { error: { code: 'dump-failed', phase: 'dump' } })]);
  t.match((await world.judge(inventory)).findings, [
    { rule: 'outcome', severity: 'warning', host: 'db1', message: /names an error of its phase dump: dump-failed$/ },
  ]);
});
