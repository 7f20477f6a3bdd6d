/*
 * The benchmarks: `npm run bench -- COMMAND [OPTIONS]`. What each measures, and how it is to be read, stands in its file.
 * Results go to stdout, progress to stderr. GB and MB are powers of ten throughout.
 */
import { basename } from 'node:path';
import { backup } from './backup.ts';
import type { BenchCommand } from './bench-command.ts';
import { load } from './load.ts';
import { memory } from './memory.ts';
import { restore } from './restore.ts';
import { stages } from './stages.ts';
import { upload } from './upload.ts';
import { UsageError } from './usage-error.ts';
import { validate } from './validate.ts';

const COMMANDS: Readonly<Record<string, BenchCommand>> = { backup, restore, stages, memory, load, validate, upload };

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.stderr.write('bench: interrupted; stopping what runs\n');
    interruption.abort(new Error('interrupted'));
  });
}

const [name = '', ...words] = process.argv.slice(process.argv.findIndex((word) => basename(word) === 'bench.ts') + 1);
const command = COMMANDS[name];
if (command === undefined) {
  const known = Object.entries(COMMANDS).map(([name, { usage, summary }]) => `  ${name} ${usage}\n      ${summary}`);
  process.stderr.write(`usage: npm run bench -- COMMAND [OPTIONS]\n\n${known.join('\n')}\n`);
  process.stderr.write('\nA fleet of hosts is measured by: npm run bench:fleet\n');
  process.exitCode = name === '' || name === '--help' ? 0 : 2;
} else {
  try {
    process.exitCode = await command.run(words, interruption.signal);
  } catch (error) {
    // What an interruption has ended looks like a failure.
    if (!interruption.signal.aborted && !(error instanceof UsageError)) throw error;
    if (error instanceof UsageError)
      process.stderr.write(`error: ${error.message}\nhint: npm run bench -- ${name} ${command.usage}\n`);
    process.exitCode = 2;
  }
  if (interruption.signal.aborted) process.exitCode = 130;
}
