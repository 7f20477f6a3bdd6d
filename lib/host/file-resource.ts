import type { Stats } from 'node:fs';
import { chmod, chown, lstat } from 'node:fs/promises';
import { CoffreError, errnoOf } from '../model/error.ts';
import type { Resource } from '../model/plan.ts';
import { textDiff } from '../model/text-diff.ts';
import { explained } from '../system/explained.ts';
import { readRequired, removeDurably, writeDurably } from '../system/files.ts';

export interface WantedFile {
  readonly path: string;
  /** Text without a secret: its diff is shown. Asked for again at each look. */
  readonly content: () => Promise<string>;
  readonly mode: number;
  /** What a person is shown of a content that says nothing to a person. */
  readonly describe?: (content: string) => string;
}

interface ActualFile {
  readonly content: string;
  readonly mode: number;
  readonly owner: number;
}

const PERMISSIONS = 0o7777;

/** A text file of this process's own user, whole, with exactly this mode. */
export function fileResource({ path, content, mode, describe = (text) => text }: WantedFile): Resource {
  const owner = process.getuid?.() ?? 0;
  return {
    kind: 'file',
    name: path,
    async inspect() {
      const actual = await readFile(path);
      const wanted = { content: await content(), mode, owner };
      const lines = difference(actual, wanted, describe);
      if (lines.length === 0) return undefined;
      return { action: actual ? 'change' : 'create', kind: 'file', name: path, lines };
    },
    async apply() {
      await writeDurably(path, await content(), mode);
      try {
        await chmod(path, mode); // the umask may have taken something away
        await chown(path, owner, -1);
      } catch (error) {
        throw explained('change', path, error);
      }
    },
  };
}

/** No such file. */
export function noFile(path: string): Resource {
  return {
    kind: 'file',
    name: path,
    async inspect() {
      return (await look(path)) ? { action: 'remove', kind: 'file', name: path, lines: [] } : undefined;
    },
    apply: () => removeDurably(path),
  };
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** Pure: what a person reads of how `actual` becomes `wanted`; nothing when it is so already. */
function difference(
  actual: ActualFile | undefined,
  wanted: ActualFile,
  describe: (content: string) => string,
): string[] {
  const lines = actual?.content === wanted.content ? [] : tell(actual, wanted, describe);
  if (!actual) return [`+mode ${octal(wanted.mode)}`, ...lines];
  if (actual.mode !== wanted.mode) lines.unshift(`-mode ${octal(actual.mode)}`, `+mode ${octal(wanted.mode)}`);
  if (actual.owner !== wanted.owner) lines.unshift(`-owner ${actual.owner}`, `+owner ${wanted.owner}`);
  return lines;
}

function tell(actual: ActualFile | undefined, wanted: ActualFile, describe: (content: string) => string): string[] {
  const lines = textDiff(actual ? describe(actual.content) : '', describe(wanted.content));
  return actual && lines.length === 0 ? [' the same, written otherwise'] : lines;
}

async function readFile(path: string): Promise<ActualFile | undefined> {
  const stats = await look(path);
  if (!stats) return undefined;
  // A link is replaced by the file: what it points to is somebody else's.
  const content = stats.isFile() ? (await readRequired(path)).toString('utf8') : '';
  return { content, mode: stats.isFile() ? stats.mode & PERMISSIONS : 0, owner: stats.uid };
}

async function look(path: string): Promise<Stats | undefined> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw explained('look at', path, error);
  });
  if (!stats || stats.isFile() || stats.isSymbolicLink()) return stats;
  throw new CoffreError('refused', `cannot write ${path}: what is there is no file`, {
    hint: `move it away: ls -ld ${path}`,
  });
}
