import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { connectionOf } from '../../lib/database/connection.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { run } from '../../lib/system/command.ts';
import { findProgram, type Program, packageOf } from '../../lib/system/programs.ts';
import type { BenchWorld } from './bench-world.ts';
import { UsageError } from './usage-error.ts';

/** What stands after `npm run bench --`. */
export interface BenchCommand {
  /** Its options. */
  readonly usage: string;
  readonly summary: string;
  /** Returns the exit code. Throws `UsageError`. When `signal` comes, it says what it has, leaves nothing behind and returns. */
  run(words: readonly string[], signal: AbortSignal): Promise<number>;
}

/** The options of a command. Those with a default of `false` take no value. Throws `UsageError`. */
export function optionsOf<Options extends Readonly<Record<string, string | boolean>>>(
  words: readonly string[],
  defaults: Options,
): { readonly [Name in keyof Options]: Options[Name] extends boolean ? boolean : string } {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [
      name,
      typeof value === 'boolean'
        ? { type: 'boolean' as const, default: value }
        : { type: 'string' as const, default: value },
    ]),
  );
  try {
    const { values } = parseArgs({ args: [...words], options });
    return values as ReturnType<typeof optionsOf<Options>>;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A number above zero. Throws `UsageError`. */
export function positive(name: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new UsageError(`cannot read --${name} ${text}: a number above 0 is wanted`);
}

/** What everything was measured on. */
export function describeMachine(): string {
  return `${availableParallelism()} cores of ${cpus()[0]?.model}, ${(totalmem() / 1e9).toFixed(0)} GB of memory, Linux ${release()}`;
}

/** How each foreign program is asked for its version, where not by `--version`. */
const ASKED: Partial<Record<Program, string>> = { openssl: 'version', restic: 'version', ssh: '-V', igzip: '-V' };

/** The versions of the server, of Node and of the programs that take part. */
export async function describeVersions(bench: BenchWorld, programs: readonly Program[]): Promise<readonly string[]> {
  const server = await inspectServer(connectionOf(bench.host.database), { exclude: [] });
  const wanted: readonly Program[] = ['openssl', 'ssh', 'igzip', ...programs];
  // One program speaks for its package.
  const found = [...new Map(wanted.toReversed().map((each) => [packageOf(each), each])).values()]
    .toReversed()
    .filter(findProgram);
  const told = await Promise.all(
    found.map(async (program) => {
      const { stdout, stderr } = await run(program, [ASKED[program] ?? '--version']);
      return `${program} ${/\d+\.\d+[\w.]*/.exec(`${stdout}${stderr}`)?.[0] ?? '(version unknown)'}`;
    }),
  );
  return [`MariaDB ${server.version}`, `Node ${process.versions.node}`, ...told];
}

export function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
