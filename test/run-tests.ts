import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { parseArgs } from 'node:util';
import t, { type Spawn } from 'tap';
import { readFailures } from './failed-tests.ts';

/*
 * What `npm test` starts: every test file, or those that are named, as a process of its own, some at a time, the longest
 * first. Tells in TAP what they say, and after everything once more what failed: a run prints some ten thousand lines,
 * and whoever keeps only the last of them has to find there why it is red. A terminal gets a line a file.
 *
 *   node test/run-tests.ts [--jobs=4] [--timeout=400] [FILE ...]      the timeout of each file in seconds
 *
 * tap's own command, which `npm run coverage` is, follows each module that a process loads, those of tap included: that
 * makes every start twice as dear, and there are hundreds.
 */
const LINES = 30;
/** They take the most time, so that none of them is what the run ends with. Any other file may come in any order. */
const LONGEST = [
  'host/private-cron',
  'audit/attacks',
  'flow/validate',
  'e2e/provision',
  'github/provision',
  'database/type-torture',
  'e2e/backup-refused',
  'e2e/restore-refused',
  'e2e/restore-on-host',
  'database/move-aside',
  'flow/drill',
  'flow/load-archives',
  'flow/verify',
  'e2e/restore-replaces',
  'database/table-locks',
  'e2e/quickstart',
  'lab/lab',
  'database/snapshot',
  'audit/publish',
  'seal/recovery-text',
  'storage/far-end-check',
  'tasks/command-line',
].map((name) => `test/${name}.test.ts`);

const { values, positionals } = parseArgs({
  options: { jobs: { type: 'string', default: '4' }, timeout: { type: 'string', default: '400' } },
  allowPositionals: true,
});
const files = positionals.length > 0 ? positionals : [...new Set([...LONGEST, ...testFiles()])];
const loaders = ['preload.mjs', '../lib/system/typescript.mjs'].map(
  (name) => `--import=${new URL(name, import.meta.url).href}`,
);
const isTerminal = process.stdout.isTTY === true;
const failures = readFailures();
const said = new PassThrough();
let rest = '';

said.on('data', (chunk: Buffer) => {
  failures.write(chunk);
  if (!isTerminal) return void process.stdout.write(chunk);
  const lines = `${rest}${chunk}`.split('\n');
  rest = lines.pop() ?? '';
  process.stdout.write(lines.flatMap((line) => (/^(ok|not ok|# [{t])/.test(line) ? [`${line}\n`] : [])).join(''));
});
said.once('end', () => {
  const failed = failures.end();
  for (const { path, diagnostics } of failed) {
    const left = diagnostics.length - LINES;
    const shown = left > 0 ? [...diagnostics.slice(0, LINES), `(and ${left} lines more)`] : diagnostics;
    process.stdout.write(`\nfailed: ${path.join(' > ')}\n${shown.map((line) => `    ${line}\n`).join('')}`);
  }
  if (failed.length > 0) process.stdout.write('\n');
});

t.pipe(said);
t.register();
t.setTimeout(0);
t.jobs = Number(values.jobs);
t.plan(files.length);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const each of t.pool) (each as Spawn).proc?.kill(signal);
    process.kill(process.pid, signal);
  });
}
for (const name of files) {
  // tap adds what it follows modules with to NODE_OPTIONS of what it starts.
  const args = ['-u', 'NODE_OPTIONS', process.execPath, ...loaders, name];
  const env = { ...process.env, TAP_TIMEOUT: values.timeout };
  void t.spawn('/usr/bin/env', args, { name, env, buffered: true, timeout: Number(values.timeout) * 1000 });
}

function testFiles(): string[] {
  const names = readdirSync('test', { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .sort();
}
