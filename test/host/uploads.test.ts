import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { SWEEP_UPLOADS_SCRIPT, UPLOAD_FOLDER_SCRIPT } from '../../lib/host/uploads.ts';
import { run } from '../../lib/system/command.ts';
import { readRequired, removeDurably } from '../../lib/system/files.ts';
import { connectSsh } from '../../lib/system/ssh.ts';
import { hasLoginShell } from '../login-shell.ts';
import { temporaryFolder } from '../temporary.ts';
import { until } from '../until.ts';

const skip = hasLoginShell() ? false : 'the user of this test has no login shell, so that nobody can log in as it';

t.test('an upload goes with its connection', { skip }, async (t) => {
  const { path, remove } = temporaryFolder();
  const sshd = await startThrowawaySshd({ folder: path, sftpOnly: false });
  const made: string[] = [];
  t.teardown(async () => {
    for (const folder of made) await removeDurably(folder);
    await sshd.stop();
    remove();
  });
  const identity = await readRequired(sshd.identityPath);
  /** A folder for an upload, and the connection by which it was made. */
  const upload = async () => {
    const connection = await connectSsh({ ...sshd, identity, unreachable: 'host-unreachable' });
    const { stdout } = await connection.run(['sh', '-s'], { input: UPLOAD_FOLDER_SCRIPT });
    const folder = stdout.trim().split('\n').at(-1) ?? '';
    made.push(folder);
    return { folder, connection };
  };
  /** What of these is left by whoever looks at the host next. */
  const left = async (...folders: string[]) => {
    const { stderr } = await run('sh', ['-s'], { input: SWEEP_UPLOADS_SCRIPT });
    t.equal(stderr, '');
    return folders.filter((folder) => existsSync(folder));
  };
  const gone = async (folder: string) => {
    const [pid] = readFileSync(join(folder, 'connection'), 'utf8').split(' ');
    await until('its connection has ended', () => !existsSync(`/proc/${pid}`));
  };
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

  const [one, other] = [await upload(), await upload()];
  t.teardown(() => other.connection.close());
  writeFileSync(join(other.folder, 'release.tar.gz'), 'x');
  t.strictSame(await left(one.folder, other.folder), [one.folder, other.folder], 'both are at work');
  one.connection.close();
  await gone(one.folder);

  const agent = spawn('sh', ['-c', 'read -r line', `${one.folder}/release/coffre`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await once(agent, 'spawn');
  t.strictSame(await left(one.folder), [one.folder], 'an agent that runs from it is not robbed');
  agent.stdin.end();
  await once(agent, 'exit');
  t.strictSame(await left(one.folder, other.folder), [other.folder]);

  utimesSync(join(other.folder, 'release.tar.gz'), minutesAgo(3), minutesAgo(3));
  t.strictSame(await left(other.folder), [], 'nothing arrives on it any more, though its connection seems to be there');

  const third = await upload();
  writeFileSync(join(third.folder, 'connection'), '');
  t.strictSame(await left(third.folder), [third.folder], 'nobody knows whose it is');
  utimesSync(third.folder, minutesAgo(121), minutesAgo(121));
  t.strictSame(await left(third.folder), []);
  third.connection.close();
});
