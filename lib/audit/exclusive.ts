import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import { start, terminate } from '../system/command.ts';
import { makeFolder } from '../system/files.ts';
import { requireProgram } from '../system/programs.ts';

/**
 * Does `act` while no other process does anything under the same `name` in `folder`. The lock is the kernel's, held
 * by a child that ends with us: nothing is left behind by a killed run. Throws `locked` after `waitMs`.
 */
export async function exclusively<T>(folder: string, name: string, waitMs: number, act: () => Promise<T>): Promise<T> {
  await makeFolder(folder, 0o700);
  const path = join(folder, `${name}.lock`);
  const wait = ['--exclusive', '--timeout', String(waitMs / 1000), '--no-fork', path];
  const holder = start(requireProgram('flock'), [...wait, 'cat']);
  try {
    holder.stdin.write('held');
    const held = await Promise.race([firstChunk(holder.stdout), holder.ended.then(() => undefined)]);
    if (held === undefined) {
      throw new CoffreError('locked', `cannot lock ${path}: another process holds it`, {
        hint: `see who: fuser -v ${path}`,
      });
    }
    return await act();
  } finally {
    holder.stdin.end();
    terminate(holder.child);
    await holder.ended;
  }
}

/** cat answers only once flock has handed over to it. */
async function firstChunk(stream: NodeJS.ReadableStream): Promise<unknown> {
  for await (const chunk of stream) return chunk;
  return undefined;
}
