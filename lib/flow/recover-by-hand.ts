import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import { start } from '../system/command.ts';
import { copyFile, readRequired, writeDurably } from '../system/files.ts';
import { publicText } from '../system/known-secrets.ts';
import { type Program, requireProgram } from '../system/programs.ts';
import { RECOVERY_FILE } from './run-files.ts';

export interface ByHand {
  /** The folder of a run, as it lies on an offsite. */
  readonly runFolder: string;
  readonly recipient: string;
  readonly privateKeyPath: string;
  /** Typed on a terminal when openssl asks for it, as a person would. */
  readonly passphrase: string;
  /** Option file with which the mariadb client reaches the empty server: the person's own `~/.my.cnf`. */
  readonly clientOptions: string;
}

/** All that the shell can run, beside what unpacks the archives. Neither this software nor Node is among them. */
const PROGRAMS: readonly Program[] = ['sh', 'openssl', 'tar', 'sha256sum', 'mariadb', 'mktemp', 'rm', 'touch', 'cat'];
const LIMIT_MS = 10 * 60_000;

/**
 * Carries out RECOVERY.txt to the letter: takes its commands, and lets a bare `sh` run them on a terminal of its own,
 * with nothing on its PATH but openssl, tar, gzip or zstd, coreutils and the mariadb client. Throws `verification-failed`.
 */
export async function recoverByHand(options: ByHand): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-hand-'));
  try {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    const text = (await readRequired(join(options.runFolder, RECOVERY_FILE))).toString('utf8');
    const unpacker = text.includes('zstd -dc') ? 'zstd' : 'gzip';
    for (const program of [...PROGRAMS, unpacker] as const) await symlink(requireProgram(program), join(bin, program));
    await copyFile(options.clientOptions, join(folder, '.my.cnf'), 0o600);
    const commands = [...text.matchAll(/^ {4}\$ (.*)$/gm)].map(([, command]) => command);
    await writeDurably(join(folder, 'commands.sh'), `${commands.join('\n')}\n`);
    const env = {
      PATH: bin,
      HOME: folder,
      TMPDIR: folder,
      COMMANDS: join(folder, 'commands.sh'),
      KEY: options.privateKeyPath,
      RECIPIENT: options.recipient,
    };
    await onTerminal(options, env);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * What the programs made of it, such as `ERROR 1062 (23000) at line 7: …` and `sha256sum: …`. The rest of what they print is
 * statements that failed, with rows in them.
 */
function verdictsIn(said: string): readonly string[] {
  const lines = publicText(said).split(/\r?\n/);
  return lines.filter((line) => VERDICT.test(line)).slice(-6);
}

const VERDICT = new RegExp(`^(ERROR \\d+ \\(|(${[...PROGRAMS, 'gzip', 'zstd'].join('|')}): |[\\w.@%~-]+: FAILED)`);

async function onTerminal({ runFolder, passphrase }: ByHand, env: Readonly<Record<string, string>>): Promise<void> {
  // script(1) gives the shell a terminal, on which openssl asks; SHELL is what it starts the command with.
  const args = ['--quiet', '--return', '--echo', 'never', '--command', 'sh -eu "$COMMANDS"', '/dev/null'];
  const sh = requireProgram('sh');
  const running = start(requireProgram('script'), args, { cwd: runFolder, env: { ...env, SHELL: sh } });
  const limit = setTimeout(() => running.child.kill('SIGKILL'), LIMIT_MS);
  let said = '';
  let asked = false;
  running.stdout.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
    if (asked || !/pass ?phrase.*:/i.test(said)) return;
    asked = true;
    running.stdin.write(`${passphrase}\n`);
  });
  const { exitCode } = await running.ended;
  clearTimeout(limit);
  if (exitCode === 0) return;
  throw new CoffreError('verification-failed', `cannot recover by hand: the shell ended with ${exitCode}`, {
    hint: `do it step by step: less ${join(runFolder, RECOVERY_FILE)}`,
    findings: verdictsIn(said),
  });
}
