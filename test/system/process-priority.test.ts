import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { ProcessPriority } from '../../lib/system/process-priority.ts';
import { findProgram } from '../../lib/system/programs.ts';

const MODULE = fileURLToPath(new URL('../../lib/system/process-priority.ts', import.meta.url));

/** Runs in a process of its own: what is lowered cannot be raised again. */
const SCRIPT = `
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
const { lowerPriority } = await import(process.env.MODULE);
const sleeper = (options) => spawn('sleep', ['30'], { stdio: 'ignore', ...options });
const niceOf = (stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
const of = (pid) => ({
  nice: readdirSync('/proc/' + pid + '/task').map((thread) => niceOf(readFileSync('/proc/' + pid + '/task/' + thread + '/stat', 'latin1'))),
  io: readdirSync('/proc/' + pid + '/task').map((thread) => execFileSync('ionice', ['-p', thread], { encoding: 'latin1' }).trim()),
});
await Promise.all(Array.from({ length: 8 }, () => readFile(process.env.MODULE)));
const before = spawn('sh', ['-c', 'sleep 30; :'], { stdio: 'ignore' });
const server = sleeper({ detached: true });
const childOf = (pid) => Number(readFileSync('/proc/' + pid + '/task/' + pid + '/children', 'latin1'));
while (childOf(before.pid) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
const grandchild = childOf(before.pid);
const refused = await lowerPriority(JSON.parse(process.env.PRIORITY));
const after = sleeper({});
await Promise.all(Array.from({ length: 8 }, () => readFile(process.env.MODULE)));
let autogroup = null;
try { autogroup = Number(/nice (-?\\d+)/.exec(readFileSync('/proc/self/autogroup', 'latin1'))[1]); } catch {}
console.log(JSON.stringify({ refused, self: of(process.pid), before: of(before.pid), grandchild: of(grandchild), after: of(after.pid), server: of(server.pid), autogroup }));
for (const pid of [grandchild, before.pid, after.pid, server.pid]) process.kill(pid, 'SIGKILL');
`;

interface Found {
  readonly nice: readonly number[];
  readonly io: readonly string[];
}
interface Told extends Readonly<Record<'self' | 'before' | 'grandchild' | 'after' | 'server', Found>> {
  readonly refused: readonly string[];
  readonly autogroup: number | null;
}

async function lowered(
  priority: ProcessPriority,
  { ownSession = false, start = [] as readonly string[] } = {},
): Promise<Told> {
  const [program = '', ...words] = [...start, process.execPath];
  const args = [...words, '--import=tsx', '--input-type=module', '-e', SCRIPT];
  const env = { ...process.env, MODULE, PRIORITY: JSON.stringify(priority) };
  const child = spawn(program, args, { detached: ownSession, stdio: ['ignore', 'pipe', 'inherit'], env });
  const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return JSON.parse(said) as Told;
}

const every = (found: Found, nice: number, io: RegExp) =>
  found.nice.every((each) => each === nice) && found.io.every((each) => io.test(each));
const skip = findProgram('ionice') ? false : 'the program ionice is not here';

t.test('every thread, and all programs before and after, but for a server in its own session', { skip }, async (t) => {
  const [told, untouched] = await Promise.all([lowered({ nice: 2, io: 'idle' }), lowered({ nice: 0, io: 'normal' })]);
  t.strictSame(told.refused, []);
  t.ok(told.self.nice.length > 4, `threads: ${told.self.nice.length}`);
  for (const who of ['self', 'before', 'grandchild', 'after'] as const)
    t.ok(every(told[who], 2, /^idle/), `${who}: ${JSON.stringify(told[who])}`);
  t.ok(every(told.server, 0, /^none/), `the server: ${JSON.stringify(told.server)}`);
  t.ok(every(untouched.self, 0, /^none/), 'normal leaves it as it is');
  t.equal(told.autogroup, untouched.autogroup, 'nor is the session of the test lowered');
});

t.test(
  'the session of a nightly task is lowered as a whole; best-effort is the last of its levels',
  { skip },
  async (t) => {
    const told = await lowered({ nice: 1, io: 'best-effort' }, { ownSession: true });
    t.ok(every(told.after, 1, /^best-effort: prio 7$/));
    t.equal(told.autogroup, existsSync('/proc/self/autogroup') ? 1 : null);
  },
);

t.test('nothing that is lower already is raised', { skip }, async (t) => {
  const told = await lowered({ nice: 1, io: 'best-effort' }, { start: ['nice', '-n', '3', 'ionice', '-c', '3'] });
  t.ok(every(told.self, 3, /^idle/), JSON.stringify(told.self));
  t.ok(every(told.after, 3, /^idle/), JSON.stringify(told.after));
  t.strictSame(told.refused, []);
});
