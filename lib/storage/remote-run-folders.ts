import { CoffreError } from '../model/error.ts';
import type { RunId } from '../model/run-id.ts';
import type { Bytes } from '../model/stages.ts';
import { lastWords } from '../system/last-words.ts';
import type { SshConnection } from '../system/ssh.ts';
import { assertFileName, isFileName, runsAmong } from './run-names.ts';
import type { RunReader } from './run-reader.ts';

/** A folder of runs on a host that control has logged in to, by a POSIX shell and coreutils: its agent need not work any more. */
export interface RemoteRunFolders {
  listRuns(): Promise<readonly RunId[]>;
  openRun(run: RunId): Promise<RunReader | undefined>;
  /** Adds a small file to a finished run. What is there under that name stays as it is. */
  addFile(run: RunId, name: string, content: Buffer): Promise<void>;
}

interface Place {
  /** For people: whose folder it is. */
  readonly name: string;
  readonly path: string;
  /** Words in front of each command, such as those of sudo: the folders are root's alone. */
  readonly prefix: readonly string[];
}

const SHORT_MS = 60_000;
const LIST = 'LC_ALL=C; export LC_ALL; exec ls -1A -- "$1"';
/** Names, a line that is none, and what could be looked at of them: each command costs the start of a shell over there. */
const LOOK = `LC_ALL=C; export LC_ALL; ls -1A -- "$1" || exit; echo /; cd -- "$1" && stat -L -c '%f %s %n' -- * 2>/dev/null; exit 0`;
const READ = 'exec tail -c "+$2" -- "$1"';

/** In base64: what goes to a command's standard input here is text. The last sync is of the folder. */
const ADD = `set -e; umask 077; cd -- "$1"; test ! -e "$2" || exit 0; base64 -d > "$2.partial"; sync -- "$2.partial"; mv -- "$2.partial" "$2"; sync -- .`;

/** Only this says that something is absent: a volume that has lost its servers says other things. */
const ABSENT = /No such file or directory/;

/** Throws `host-unreachable` when the connection breaks, `not-found` for a file that is not there, `unexpected` for the rest. */
export function openRemoteRunFolders(connection: SshConnection, { name, path, prefix }: Place): RemoteRunFolders {
  const ask = async (script: string, what: string): Promise<string | undefined> => {
    const ended = await connection.run([...prefix, 'sh', '-c', script, 'sh', what], { timeoutMs: SHORT_MS });
    if (ended.exitCode === 0) return ended.stdout;
    if (ended.exitCode !== null && ABSENT.test(ended.stderr)) return undefined;
    throw failed(`look at ${what}`, name, ended);
  };
  const reader = (folder: string, { names, files }: Folder): RunReader => ({
    where: `${name}:${folder}`,
    list: async () => names.filter(isFileName).sort(),
    async sizeOf(file) {
      assertFileName(file);
      const found = files.get(file);
      if (found !== 'other') return found;
      throw new CoffreError('verification-failed', `cannot read ${name}:${folder}/${file}: it is not a regular file`, {
        hint: 'take another copy of the run',
      });
    },
    read(file, start = 0, bytes = Number.POSITIVE_INFINITY) {
      assertFileName(file);
      return readOver(`${folder}/${file}`, start, bytes);
    },
  });

  async function* readOver(file: string, start: number, bytes: number): Bytes {
    if (bytes <= 0) return;
    const running = await connection.start([...prefix, 'sh', '-c', READ, 'sh', file, String(start + 1)]);
    running.stdin.end();
    let left = bytes;
    try {
      for await (const chunk of running.stdout as AsyncIterable<Buffer>) {
        const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
        left -= part.length;
        yield part;
        if (left === 0) return;
      }
      const ended = await running.ended;
      if (ended.exitCode !== 0) throw failed(`read ${file}`, name, ended);
    } finally {
      running.stdout.destroy(); // tail ends when nobody takes what it writes
    }
  }

  return {
    async listRuns() {
      const names = await ask(LIST, path);
      if (names !== undefined) return runsAmong(names.split('\n')).complete;
      throw new CoffreError('not-found', `cannot list ${path} on ${name}: there is no such folder`, {
        hint: `look there at: ls -ld ${path}`,
      });
    },
    async addFile(run, file, content) {
      assertFileName(file);
      const words = [...prefix, 'sh', '-c', ADD, 'sh', `${path}/${run}`, file];
      const ended = await connection.run(words, { input: content.toString('base64'), timeoutMs: SHORT_MS });
      if (ended.exitCode !== 0) throw failed(`write ${path}/${run}/${file}`, name, ended);
    },
    async openRun(run) {
      const looked = await ask(LOOK, `${path}/${run}`);
      return looked === undefined ? undefined : reader(`${path}/${run}`, parseFolder(looked));
    },
  };
}

/** A finished run, which nobody changes any more. */
interface Folder {
  readonly names: readonly string[];
  /** Bytes of each file; what is no file is `other`. */
  readonly files: ReadonlyMap<string, number | 'other'>;
}

/** The answer of LOOK: mode in hex, size and name of each. */
function parseFolder(text: string): Folder {
  const lines = text.split('\n');
  const end = lines.indexOf('/');
  const files = lines.slice(end + 1).flatMap((line) => {
    const [, mode = '', size = '', file = ''] = /^([0-9a-f]+) (\d+) (.*)$/.exec(line) ?? [];
    const regular = (Number.parseInt(mode, 16) & 0o170000) === 0o100000;
    return file === '' ? [] : [[file, regular ? Number(size) : ('other' as const)] as const];
  });
  return { names: lines.slice(0, end), files: new Map(files) };
}

function failed(what: string, name: string, { exitCode, stderr }: { exitCode: number | null; stderr: string }) {
  if (exitCode === null) {
    return new CoffreError('host-unreachable', `cannot ${what} on ${name}: the connection broke`, {
      hint: 'look at the host and at the network, then run it again',
    });
  }
  const why = lastWords(stderr) ?? `it ended with ${exitCode}`;
  return new CoffreError('unexpected', `cannot ${what} on ${name}: ${why}`, { hint: 'take another copy of the run' });
}
