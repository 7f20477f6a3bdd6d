import { CoffreError } from '../model/error.ts';
import { terminate } from '../system/command.ts';
import { startGit } from '../system/git.ts';
import { feed } from '../system/pipes.ts';
import { gitWords } from './git-words.ts';

/** One entry of a commit's tree, whatever its kind: nothing is checked out, so nothing is followed. */
export interface TreeEntry {
  readonly path: string;
  /** As git writes it: 100644, 100755, 120000 (symbolic link), 160000 (submodule). */
  readonly mode: string;
  readonly object: string;
  /** null for what is not a blob. */
  readonly sizeBytes: number | null;
}

/** More than a thousand hosts have in ten years. */
const ENTRY_LIMIT = 10_000_000;

/**
 * Every entry of `commit`, folders opened, below `under` if that is given, sorted by path. Throws `verification-failed` for
 * more than there can be.
 */
export async function readTree(repository: string, commit: string, under?: string): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for await (const some of treeEntries(repository, commit, under)) {
    for (const entry of some) entries.push(entry);
    if (entries.length > ENTRY_LIMIT) {
      throw new CoffreError('verification-failed', 'cannot read the audit repository: it has more files than can be', {
        hint: `look at: git -C ${repository} ls-tree -d --name-only ${commit}`,
      });
    }
  }
  return entries;
}

/** The same, some at a time, for a caller that decides what is kept. */
export async function* treeEntries(
  repository: string,
  commit: string,
  under?: string,
): AsyncGenerator<readonly TreeEntry[]> {
  const scope = under === undefined ? [] : ['--', under];
  const args = ['ls-tree', '-r', '-l', '-z', '--full-tree', commit, ...scope];
  for await (const lines of gitWords(repository, args)) yield lines.map(entryOf);
}

function entryOf(line: string): TreeEntry {
  const tab = line.indexOf('\t');
  const [mode = '', , object = '', size = '-'] = line.slice(0, tab).split(/ +/);
  return { path: line.slice(tab + 1), mode, object, sizeBytes: size === '-' ? null : Number(size) };
}

/** The contents of blobs, in the order asked for. One git process, one blob in memory at a time. */
export async function* readBlobs(repository: string, objects: readonly string[]): AsyncGenerator<Buffer> {
  if (objects.length === 0) return;
  const running = startGit(['cat-file', '--batch'], repository);
  const asking = feed(running.stdin, lines(objects));
  const reader = new ExactReader(running.stdout);
  try {
    for (const object of objects) {
      const header = (await reader.line()).split(' ');
      if (header[0] !== object || header[1] !== 'blob') throw unreadable(repository, object);
      yield await reader.take(Number(header[2]));
      await reader.take(1);
    }
    await asking;
  } finally {
    terminate(running.child);
  }
}

const LINES_AT_ONCE = 500;

async function* lines(objects: readonly string[]): AsyncGenerator<Buffer> {
  for (let index = 0; index < objects.length; index += LINES_AT_ONCE)
    yield Buffer.from(`${objects.slice(index, index + LINES_AT_ONCE).join('\n')}\n`);
}

function unreadable(repository: string, object: string): CoffreError {
  return new CoffreError('unexpected', `cannot read the object ${object}: the repository is damaged`, {
    hint: `run: git -C ${repository} fsck`,
  });
}

/** Takes exact amounts out of a stream. */
class ExactReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: NodeJS.ReadableStream) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async take(bytes: number): Promise<Buffer> {
    if (this.#rest.length >= bytes) return this.#cut(bytes);
    const parts = [this.#rest];
    let held = this.#rest.length;
    while (held < bytes) {
      const chunk = await this.#more();
      parts.push(chunk);
      held += chunk.length;
    }
    this.#rest = Buffer.concat(parts, held);
    return this.#cut(bytes);
  }

  #cut(bytes: number): Buffer {
    const cut = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return cut;
  }

  async line(): Promise<string> {
    let end = this.#rest.indexOf(10);
    while (end < 0) {
      this.#rest = Buffer.concat([this.#rest, await this.#more()]);
      end = this.#rest.indexOf(10);
    }
    const line = await this.take(end + 1);
    return line.toString('latin1', 0, end);
  }

  async #more(): Promise<Buffer> {
    const next = await this.#chunks.next();
    if (next.done) {
      throw new CoffreError('unexpected', 'cannot read from git: its answer ends too early', { hint: 'run: git fsck' });
    }
    return next.value;
  }
}
