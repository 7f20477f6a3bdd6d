import { run } from '../../lib/system/command.ts';

/** What the one before has left for the disk to write must not slow down the next. */
export async function settle(): Promise<void> {
  await run('sync', []);
}
