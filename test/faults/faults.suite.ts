import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

/*
 * A fixed set of faults, by the command itself. As root they are of all kinds, disks and power included; by anybody else of
 * those that anybody can bring about.
 */

const COUNT = 60;
const SEED = 20261123;

t.setTimeout(900_000);
t.test(`${COUNT} faults of a fixed seed are survived`, async (t) => {
  const loader = new URL('../../lib/system/typescript.mjs', import.meta.url).href;
  const command = fileURLToPath(new URL('faults.ts', import.meta.url));
  const words = ['--count', `${COUNT}`, '--seed', `${SEED}`, '--worlds', '3'];
  const env = { ...process.env, NODE_OPTIONS: '' };
  const child = spawn(process.execPath, [`--import=${loader}`, command, ...words], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => void child.kill('SIGTERM'));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    for (const line of text.trimEnd().split('\n')) t.comment(line);
  });
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  t.equal(exitCode, 0, said);
  const [, survived, count] = /^(\d+) survived of (\d+)$/.exec(said.trimEnd().split('\n').at(-1) ?? '') ?? [];
  t.equal(survived, count);
  // A fault that finds nothing to hit does not count.
  t.ok(Number(count) >= COUNT - 3, `${count} of ${COUNT} had something to hit`);
});
