import { join } from 'node:path';
import { systemClock } from './clock.ts';
import { makeFolder } from './files.ts';
import { waitForLock } from './lock.ts';

/**
 * Does `act` while no other process does anything under the same `name` in `folder`. The lock is the kernel's: nothing is
 * left held by a killed run. Throws `locked` after `waitMs`.
 */
export async function exclusively<T>(folder: string, name: string, waitMs: number, act: () => Promise<T>): Promise<T> {
  await makeFolder(folder, 0o700);
  const holder = { doing: `work on ${name}`, since: systemClock.now().toISOString() };
  const lock = await waitForLock(join(folder, `${name}.lock`), holder, waitMs);
  try {
    return await act();
  } finally {
    await lock.release();
  }
}
