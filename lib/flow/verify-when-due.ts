import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { lookDueBefore } from '../model/verify-config.ts';
import { readIfPresent, writeDurably } from '../system/files.ts';
import type { BackupContext } from './backup-context.ts';
import { type PublishedVerification, publishVerification } from './publish-verification.ts';
import type { PlaceVerdict } from './verify.ts';

/** In the folder of the state: when the last look at all copies began that read every place. Without it, one is due. */
const LAST_LOOK = 'last-look';

/**
 * Reads the copies of a host, and publishes what it finds, where the inventory asks for it and the last such look is too long
 * ago. null where none is due, or none could be begun, which is told. A place that cannot be read makes it due again the
 * next night. Throws `interrupted` only.
 */
export async function verifyWhenDue(host: HostConfig, context: BackupContext): Promise<PublishedVerification | null> {
  const { inventory, clock, emit, signal } = context;
  if (!host.verify) return null;
  const path = join(host.state.path, LAST_LOOK);
  const now = clock.now();
  try {
    const last = Date.parse((await readIfPresent(path))?.toString('utf8').trim() ?? '');
    // A time that is still to come is that of a clock that was wrong.
    if (last >= lookDueBefore(host.verify, now).getTime() && last <= now.getTime()) return null;
    const { runs, sample = null } = host.verify;
    const order = { inventory, hosts: [host], from: [], runs: { kind: runs }, sample, random: randomInt, emit, signal };
    const found = await publishVerification(order, clock);
    if (found.places.every(isRead)) await writeDurably(path, `${now.toISOString()}\n`, 0o600);
    return found;
  } catch (error) {
    signal.throwIfAborted();
    const { message, hint } = asCoffreError(error);
    const text = `the copies were not looked at: ${message}`;
    emit({
      kind: 'warning',
      subject: host.name,
      text,
      hint: hint ?? `try: npx zx tasks/verify.ts ${host.name} --publish`,
    });
    return null;
  }
}

function isRead({ copies, error }: PlaceVerdict): boolean {
  return error === null && copies.every(({ kind }) => kind !== 'unread');
}
