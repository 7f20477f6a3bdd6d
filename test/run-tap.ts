import { spawn } from 'node:child_process';
import { readFailures } from './failed-tests.ts';

/*
 * What `npm test` starts: tap with these words, and after everything that it tells, once more what failed. A run prints
 * some ten thousand lines, and whoever keeps only the last of them has to find there why it is red. On a terminal tap
 * does so itself.
 */
const LINES = 30;
// zx has to come before the loader that hides its exports (Node 22 and later).
const env = { ...process.env, NODE_OPTIONS: '--import=zx' };
const isTerminal = process.stdout.isTTY === true;
const words = process.argv.slice(process.argv.findIndex((word) => /run-tap(\.ts)?$/.test(word)) + 1);
const child = spawn('tap', words, {
  env,
  stdio: ['inherit', isTerminal ? 'inherit' : 'pipe', 'inherit'],
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
const failures = readFailures();
child.stdout?.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk);
  failures.write(chunk);
});
child.once('error', (error) => {
  process.stderr.write(`error: cannot start tap: ${error.message}\nhint: npm test\n`);
  process.exitCode = 1;
});
child.once('close', (exitCode) => {
  process.exitCode = exitCode || (exitCode === 0 ? 0 : 1);
  const failed = isTerminal || exitCode === 0 ? [] : failures.end();
  for (const { path, diagnostics } of failed) {
    const left = diagnostics.length - LINES;
    const shown = left > 0 ? [...diagnostics.slice(0, LINES), `(and ${left} lines more)`] : diagnostics;
    process.stdout.write(`\nfailed: ${path.join(' > ')}\n${shown.map((line) => `    ${line}\n`).join('')}`);
  }
  if (failed.length > 0) process.stdout.write('\n');
});
