import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startThrowawaySshd, type ThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { checkFarEnd } from '../../lib/storage/far-end-check.ts';
import { openSftpOffsite } from '../../lib/storage/sftp-offsite.ts';
import { run } from '../../lib/system/command.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { BY_MARK, offsiteContract } from '../contract/offsite.ts';
import { resumableOf, SEGMENT } from '../fixture/resumable-of.ts';
import { temporaryFolder } from '../temporary.ts';

/* Contractors whose sshd allows less than it could: each is asked for what is left. */

const { path: root, remove } = temporaryFolder();
const servers: ThrowawaySshd[] = [];
t.teardown(async () => {
  for (const server of servers) await server.stop();
  remove();
});

async function serve(name: string, ...lines: string[]): Promise<ThrowawaySshd> {
  const server = await startThrowawaySshd({ folder: join(root, name), sftpOnly: true, lines });
  servers.push(server);
  return server;
}

const denying = (...requests: string[]) => `ForceCommand internal-sftp -P ${requests.join(',')}`;
const bare = await serve('bare', denying('rename', 'fsync', 'statvfs', 'setstat', 'fsetstat'));
const unrenaming = await serve('unrenaming', denying('rename', 'posix-rename'));
const appending = await serve('appending', denying('rename', 'posix-rename', 'remove', 'rmdir', 'setstat', 'fsetstat'));

function config({ address, port, user, hostKey, identityPath: identity }: ThrowawaySshd, path: string, change = {}) {
  const login = { name: 'contractor', kind: 'sftp', address, port, user, hostKey, identity };
  return SftpOffsiteConfig.parse({ ...login, path, ...change });
}

const RUN = RunId.parse('2026-11-22T040000Z');
const small = Buffer.from('abc');
const factsOf = (content: Buffer) => async () => ({ sizeBytes: content.length, sha256: sha256Of(content) });
const appendOnly = { appendOnly: true };

offsiteContract(t, {
  ...{ name: 'SFTP without rename, fsync and statvfs', verified: 'read back', resumes: true },
  open: (folder) => openSftpOffsite(config(bare, folder)),
});
offsiteContract(t, {
  ...{ name: 'SFTP that only appends', verified: 'read back', resumes: true, layout: BY_MARK },
  open: (folder) => openSftpOffsite(config(appending, folder, appendOnly)),
});

t.test('what a server cannot do is said, once it is known', async (t) => {
  const offsite = await openSftpOffsite(config(bare, t.testdir()));
  t.same(offsite.weaknesses(), []);
  const upload = await offsite.beginRun(RUN);
  await upload.put('a', small, factsOf(small));
  await upload.commit();
  const [unflushed = '', renamed = ''] = offsite.weaknesses();
  t.match(unflushed, /^contractor .* cannot be asked to flush a file to its disk: /);
  t.match(renamed, /renames only so that an empty folder may be replaced$/);
  offsite.close();
});

t.test('an account that renames nothing, and that the inventory does not say so of', async (t) => {
  const folder = t.testdir();
  const offsite = await openSftpOffsite(config(unrenaming, folder));
  const upload = await offsite.beginRun(RUN);
  await upload.put('a', small, factsOf(small));
  await t.rejects(upload.commit(), { code: 'offsite-unreachable', hint: /appendOnly: true/ });
  t.same(await offsite.listRuns(), []);
  await upload.discard();
  offsite.close();
});

t.test('append-only: the mark has the digests as sha256sum checks them, and is believed only so', async (t) => {
  const folder = t.testdir();
  const offsite = await openSftpOffsite(config(appending, folder, appendOnly));
  t.teardown(() => offsite.close());
  const content = randomBytes(SEGMENT + 5);
  const upload = await offsite.beginRun(RUN);
  await upload.put('encrypted.dat', resumableOf(content), factsOf(content));
  await upload.put('manifest.json', small, factsOf(small));
  t.equal(await offsite.openRun(RUN), undefined, 'not yet');
  await upload.commit();
  const [name = ''] = readdirSync(folder);
  t.match(name, new RegExp(`^${RUN}\\.[0-9a-f]{8}$`));
  t.equal((await run('sha256sum', ['--check', '--quiet', '.done'], { cwd: join(folder, name) })).exitCode, 0);
  t.same(await (await offsite.openRun(RUN))?.list(), ['encrypted.dat', 'manifest.json']);
  writeFileSync(join(folder, name, '.done'), 'done!');
  t.equal(await offsite.openRun(RUN), undefined, 'a mark that says nothing');
});

t.test(
  'append-only: where nothing that is there can be written on, an upload that was cut begins in a folder of its own',
  async (t) => {
    const folder = t.testdir();
    const offsite = await openSftpOffsite(config(appending, folder, appendOnly));
    t.teardown(() => offsite.close());
    const content = randomBytes(SEGMENT);
    const cut = join(folder, `${RUN}.00000000`);
    mkdirSync(cut);
    writeFileSync(join(cut, 'encrypted.dat'), content.subarray(0, 1000));
    const frozen = (await run('chattr', ['+i', join(cut, 'encrypted.dat')])).exitCode === 0;
    if (!frozen) {
      t.pass('only root can freeze a file, and not on every file system');
      return;
    }
    try {
      const upload = await offsite.beginRun(RUN);
      await upload.put('encrypted.dat', resumableOf(content), factsOf(content));
      await upload.commit();
    } finally {
      await run('chattr', ['-i', join(cut, 'encrypted.dat')]);
    }
    const folders = readdirSync(folder).sort();
    t.equal(folders.length, 2);
    const other = folders.find((name) => !name.endsWith('.00000000')) ?? '';
    t.ok(readFileSync(join(folder, other, 'encrypted.dat')).equals(content));
    t.same(await offsite.listRuns(), [RUN]);
    t.same(await offsite.listPartials(), []);
  },
);

t.test('append-only: whether it is so is looked at from outside, with one file that stays', async (t) => {
  const lookAt = async (server: ThrowawaySshd, path: string) => {
    const { address, port, user, hostKey, identityPath } = server;
    const identity = readFileSync(identityPath);
    const target = { address, port, user, hostKey, identity, unreachable: 'offsite-unreachable' } as const;
    const answers = await checkFarEnd({ target, path, others: [], appendOnly: true }, 1000);
    return Object.fromEntries(answers.map(({ check, outcome, detail, says }) => [check, { outcome, detail, says }]));
  };
  const folder = t.testdir();
  for (const _twice of [1, 2]) {
    const { write, offers } = await lookAt(appending, folder);
    t.match(write, { outcome: 'ok', says: /can be neither renamed nor removed/ });
    t.match(offers, { outcome: 'ok', detail: /it flushes to the disk, .* GB free/ });
  }
  t.same(
    readdirSync(folder).filter((name) => !/link|socket/.test(name)),
    ['coffre-check'],
  );
  const { write } = await lookAt(bare, t.testdir());
  t.match(write, { outcome: 'failed', detail: 'it can rename, it can remove' });
});

/** sshd takes a chroot only where nobody but root can write above it: not below /tmp. */
function chroots(t: Test): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const folder = mkdtempSync('/run/coffre-test-');
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const jail = chroots(t);
if (jail !== undefined) {
  const chrooted = await serve('chrooted', `ChrootDirectory ${jail}`, 'ForceCommand internal-sftp');
  let count = 0;
  offsiteContract(t, {
    ...{ name: 'SFTP in a chroot', verified: 'read back', resumes: true },
    root() {
      count += 1;
      const folder = join(jail, `runs-${count}`);
      mkdirSync(folder);
      return folder;
    },
    open: (folder) => openSftpOffsite(config(chrooted, folder.slice(jail.length))),
  });
}
