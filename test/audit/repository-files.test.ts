import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { manifestPath, placeOf } from '../../lib/audit/paths.ts';
import { repositoryFiles } from '../../lib/audit/repository-files.ts';
import { signerOf, temporaryFolder } from '../fixture/signer.ts';

const hasJq = spawnSync('jq', ['--version']).status === 0;
const needsJq = hasJq ? {} : { skip: 'there is no jq here' };
const day = (n: number) => new Date(Date.UTC(2026, 10, n, 4, 0, 7));
const git = (cwd: string, ...words: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...words], { cwd, encoding: 'utf8' });

/** Three good nights of db1, in the repository that audit-init makes. */
const template = (async () => {
  const folder = await temporaryFolder(t);
  const db1 = await signerOf(t, 'db1');
  const files = await repositoryFiles({ branch: 'main', allowedSigners: `# who\n${db1.line}`, watchdog: null });
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  for (const [path, content] of files) write(path, content);
  git(folder, 'init', '-q', '--template=', '-b', 'main');
  const records: string[] = [];
  for (const n of [2, 3, 4]) {
    const signed = await db1.next(day(n));
    const path = manifestPath(signed.manifest.host, signed.manifest.run);
    write(path, signed.bytes);
    write(`${path}.sig`, signed.signature);
    records.push(path);
    git(folder, 'add', '-A');
    git(folder, 'commit', '-qm', `night ${n}`);
  }
  return { folder, db1, records, readme: files.get('README.md') ?? '' };
})();

async function world(t: Test) {
  const { folder, readme, ...rest } = await template;
  const copy = join(await temporaryFolder(t), 'audit');
  cpSync(folder, copy, { recursive: true });
  const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, script = '']) => script);
  /** The commands of the README, one block after another in one shell, and what each of them has printed. */
  const follow = () => {
    const script = blocks.map((block) => `${block}\necho '--- next'\n`).join('');
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', script], { cwd: copy, encoding: 'utf8' });
    return { printed: stdout.split('--- next\n'), stderr };
  };
  const rewrite = (path: string, from: string, to: string) => {
    writeFileSync(join(copy, path), readFileSync(join(copy, path), 'utf8').replace(from, to));
  };
  return { ...rest, copy, follow, rewrite };
}

t.test(
  'an auditor follows the README without this software, and is told who, what, and that all is well',
  needsJq,
  async (t) => {
    const { db1, records, follow } = await world(t);
    const { printed, stderr } = follow();
    const [fingerprints = '', one = '', copies = '', chain, history] = printed;
    t.equal(stderr, '');
    const key = db1.line.split(' ').slice(2).join(' ');
    const listed = execFileSync('ssh-keygen', ['-l', '-f', '-'], { input: key, encoding: 'utf8' });
    t.equal(fingerprints, `db1 ${listed.split(' ')[1]}\n`);
    t.match(one, /^Good "coffre-manifest" signature for db1 with ED25519 key SHA256:/);
    t.match(one, '  "run": "2026-11-04T040007Z"');
    t.match(copies, /^[0-9a-f]{64} {2}encrypted\.dat\n[0-9a-f]{64} {2}shop\.tar\.gz\.enc\n$/);
    t.equal(chain, '');
    t.equal(history, '');
    t.equal(records.length, 3);
  },
);

t.test('what an attacker does is told by those same commands', needsJq, async (t) => {
  await t.test('a record that was changed', async (t) => {
    const { records, follow, rewrite } = await world(t);
    rewrite(records[1] ?? '', '"tables":3', '"tables":4');
    const { printed } = follow();
    t.equal(
      printed[3],
      `${records[1]}: not signed by db1\n${records[2]}: what it names as the record before is another one\n`,
    );
  });
  await t.test('a record that was taken away, and the commit that did it', async (t) => {
    const { copy, records, follow } = await world(t);
    for (const path of [`${records[1]}`, `${records[1]}.sig`]) rmSync(join(copy, path));
    git(copy, 'add', '-A');
    git(copy, 'commit', '-qm', 'nothing to see here');
    const { printed } = follow();
    t.match(printed[3], `${records[2]}: number 3 stands where number 2 should be\n${records[2]}: what it names`);
    t.match(printed[4], /t: nothing to see here\n\nD\tmanifests/);
  });
  await t.test('the newest record taken away by a merge, or moved away: no chain tells of it', async (t) => {
    const { copy, follow } = await world(t);
    const tree = git(copy, 'rev-parse', 'HEAD~1^{tree}').trim();
    const merge = git(copy, 'commit-tree', tree, '-p', 'HEAD', '-p', 'HEAD~1', '-m', 'only a merge').trim();
    git(copy, 'merge', '-q', '--ff-only', merge);
    const merged = follow().printed;
    t.equal(merged[3], '', 'the chain is cut at its end');
    t.match(merged[4], /t: only a merge\n\nD\tmanifests\/db1\/2026\/2026-11-04T040007Z\.json\n/);
    const moving = await world(t);
    for (const suffix of ['', '.sig']) {
      const path = `${moving.records[2]}${suffix}`;
      git(moving.copy, 'mv', path, path.replace('.json', '.txt'));
    }
    git(moving.copy, 'commit', '-qm', 'tidied up');
    t.match(moving.follow().printed[4], /t: tidied up\n\nD\tmanifests\/db1\/2026\/2026-11-04T040007Z\.json\n/);
  });
  await t.test('what a key has signed after its end; what it has signed before stays good', async (t) => {
    const { copy, records, follow } = await world(t);
    const end = (time: string) => {
      const path = join(copy, 'allowed_signers');
      const text = readFileSync(path, 'utf8').replace(/,valid-before="[^"]*"/, '');
      writeFileSync(path, text.replace('"coffre-manifest"', `"coffre-manifest",valid-before="${time}"`));
    };
    end('20261104050000Z');
    t.match(follow().printed[1], /^Good "coffre-manifest" signature for db1 /);
    t.equal(follow().printed[3], '');
    end('20261103050000Z');
    t.notMatch(follow().printed[1], 'Good "');
    t.equal(follow().printed[3], `${records[2]}: not signed by db1\n`);
  });
  await t.test('one that another key has signed', async (t) => {
    const { copy, records, follow } = await world(t);
    const mallory = await signerOf(t, 'db1');
    writeFileSync(join(copy, `${records[2]}.sig`), (await mallory.next(day(4))).signature);
    const { printed } = follow();
    t.notMatch(printed[1], 'Good "');
    t.equal(printed[3], `${records[2]}: not signed by db1\n`);
  });
});

t.test('diffs can be read once the README has been followed, and no line end is ever converted', needsJq, async (t) => {
  const { copy, records } = await world(t);
  git(copy, 'config', 'diff.coffre.textconv', 'jq .');
  git(copy, 'config', 'core.autocrlf', 'true');
  t.match(git(copy, 'show', 'HEAD', '--', records[2] ?? ''), /^\+ {2}"outcome": "succeeded",$/m);
  rmSync(join(copy, records[0] ?? ''));
  const signature = join(copy, `${records[0]}.sig`);
  const before = readFileSync(signature);
  rmSync(signature);
  git(copy, 'checkout', '--', '.');
  t.ok(readFileSync(signature).equals(before));
});

t.test('every file belongs, and a workflow is written only where it can find what it needs', async (t) => {
  const source = { repository: 'acme/backups', commit: 'c'.repeat(40), branch: 'main', folder: 'inventory' };
  const files = await repositoryFiles({
    ...{ branch: 'main', allowedSigners: '' },
    watchdog: { software: source, inventory: source },
  });
  t.equal(files.size, 4);
  for (const path of files.keys()) t.equal(placeOf(path), 'other', path);
  t.equal((await repositoryFiles({ branch: 'main', allowedSigners: '', watchdog: null })).size, 3);
});
