import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { CoffreError, errnoOf } from '../model/error.ts';
import { Sha256 } from '../model/names.ts';
import { Instant } from '../model/record-parts.ts';
import { exclusively } from '../system/exclusive.ts';
import { makeFolder, readIfPresent, writeDurably } from '../system/files.ts';

const Commit = z.string().regex(/^[0-9a-f]{40,64}$/);

/** What was seen of one audit repository: the next look has to find a history that was built on it. */
export const Seen = z.strictObject({
  head: Commit.describe('The last head that extended the ones before'),
  seenAt: Instant.describe('When it was seen, by the clock of whoever looked'),
  clean: z.boolean().describe('Whether nothing in the history up to it was changed or removed'),
  chains: z
    .record(z.string(), z.strictObject({ sequence: z.int().min(1), sha256: Sha256 }))
    .describe('The last record of each chain'),
  closed: z
    .record(z.string(), z.strictObject({ head: Commit, seenAt: Instant }))
    .describe('For each key that is valid no longer, by its fingerprint: the head when that was seen first'),
});
export type Seen = z.infer<typeof Seen>;

const WitnessFile = z.strictObject({ version: z.literal(1), repositories: z.record(z.string(), Seen) });

const NAME = 'validate.json';
const LOCK_WAIT_MS = 600_000;

/**
 * Hands `act` what was seen of `repository` before, and keeps what it returns: durably, one process at a time. `path` names a
 * file that ends with `.json`, or a folder. Throws `verification-failed` for a file that is damaged: to begin anew would mean
 * to believe any history; `usage` for a place where no file can be.
 */
export async function withWitness<T>(
  path: string,
  repository: string,
  act: (seen: Seen | null) => Promise<{ readonly seen: Seen | null; readonly result: T }>,
): Promise<T> {
  const file = await fileAt(path);
  await makeFolder(dirname(file)).catch((error: unknown) => {
    const errno = error instanceof CoffreError ? errnoOf(error.cause) : undefined;
    throw errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'EEXIST'
      ? noPlace(path, 'no folder can be made there')
      : error;
  });
  return exclusively(dirname(file), basename(file), LOCK_WAIT_MS, async () => {
    const { repositories } = await readFile(file);
    const { seen, result } = await act(repositories[repository] ?? null);
    if (seen) {
      const content = { version: 1, repositories: { ...repositories, [repository]: seen } };
      await writeDurably(file, `${JSON.stringify(content, null, 2)}\n`);
    }
    return result;
  });
}

async function fileAt(path: string): Promise<string> {
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile() && !there.isDirectory()) throw noPlace(path, 'it is neither a file nor a folder');
  const isFile = there ? there.isFile() : path.endsWith('.json');
  return resolve(isFile ? path : join(path, NAME));
}

function noPlace(path: string, why: string): CoffreError {
  return new CoffreError('usage', `cannot remember the head in ${path}: ${why}`, {
    hint: 'name a folder, or a file that ends with .json, such as --state /var/lib/coffre-validate',
  });
}

async function readFile(path: string): Promise<z.infer<typeof WitnessFile>> {
  const text = await readIfPresent(path);
  if (text === undefined) return { version: 1, repositories: {} };
  try {
    return WitnessFile.parse(JSON.parse(text.toString('utf8')));
  } catch (error) {
    throw new CoffreError('verification-failed', `cannot read ${path}: it is not what validate has written`, {
      hint: 'bring it back from a backup; without it nobody can tell whether the history was rewritten since',
      cause: error,
    });
  }
}
