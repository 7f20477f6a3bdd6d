import type { Bytes } from '../../lib/model/stages.ts';
import { start } from '../../lib/system/command.ts';
import { findProgram } from '../../lib/system/programs.ts';

/** The SQL of one database from mariadb-dump, buffered as a run has it. Throws when the program fails. */
export async function* dumpOf(clientArguments: readonly string[], database: string): Bytes {
  const stdbuf = findProgram('stdbuf');
  const [program, ...words] = stdbuf ? [stdbuf, '-o16K', 'mariadb-dump'] : ['mariadb-dump'];
  const options = ['--single-transaction', '--quick', '--skip-add-locks'];
  const dump = start(program ?? '', [...words, ...clientArguments, ...options, '--databases', '--', database]);
  for await (const chunk of dump.stdout) yield chunk as Buffer;
  const { exitCode, stderr } = await dump.ended;
  if (exitCode !== 0) throw new Error(`cannot dump ${database}: ${stderr}`);
}
