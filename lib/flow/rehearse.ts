import type { KeyObject } from 'node:crypto';
import type { DrillProof } from '../model/drill-record.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import { asCoffreError, CoffreError, type ErrorCode } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { TrustedManifest } from '../model/manifest.ts';
import type { DrillRun } from './drill-run.ts';
import { assertRoom, startScratch } from './drill-scratch.ts';
import { openPlace, openRunAt } from './find-copy.ts';
import { readManifest } from './read-manifest.ts';
import { type RestoreResult, restore } from './restore.ts';

export interface Rehearsal {
  readonly host: HostConfig;
  readonly driller: DrillerConfig;
  /** With the hosts as the driller reaches their copies. */
  readonly inventory: Inventory;
  /** `store`, `export` or `offsite:<name>`. */
  readonly from: string;
  readonly privateKey: KeyObject;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** What a restore says of the copy, and not of the machine that it runs on, or of the way between the two. */
const SAYS_SO: ReadonlySet<string> = new Set([
  'dump-failed',
  'restore-failed',
  'not-found',
  'refused',
  'dump-incomplete',
]);

/**
 * Restores the newest run of a host into a throwaway server, as one would after a disaster, and compares it by content.
 * What is learnt goes into `run`. Throws `drill-failed` or `verification-failed` when the copy is not what was backed up;
 * anything else says that nobody knows, `not-compared` that all was restored. The server is left for `clearScratch`.
 */
export async function rehearse(rehearsal: Rehearsal, run: DrillRun): Promise<DrillProof> {
  const { host, driller, inventory, from, privateKey, emit, signal } = rehearsal;
  const clock = { find: 0, restore: 0 };
  const found = await timed(clock, 'find', () => run.during('find', () => judging(host, () => findNewest(rehearsal))));
  const { manifest } = found;
  await run.note({ run: manifest.run, manifest: found.sha256 });
  const server = await run.during('prepare', async () => {
    await assertRoom(driller, manifest);
    return await startScratch(driller);
  });
  await run.note({ software: { ...run.draft.software, server: server.version } });
  const result = await timed(clock, 'restore', () =>
    run.during('restore', () =>
      judging(host, () =>
        restore({
          ...{ host, inventory, from, run: manifest.run, target: server.target, emit, signal },
          ...{ opening: { kind: 'key', privateKey } as const, accounts: true, overwrite: [], dryRun: false },
        }),
      ),
    ),
  );
  return proofOf(result, clock.find + clock.restore);
}

async function findNewest({ host, inventory, from, signal }: Rehearsal): Promise<TrustedManifest> {
  const place = await openPlace(host, from, signal);
  try {
    const { run, reader } = await openRunAt(place, undefined);
    return await readManifest(reader, host.name, run, inventory.allowedSigners);
  } finally {
    place.close();
  }
}

async function judging<T>(host: HostConfig, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const { code, message, hint, findings } = asCoffreError(error);
    if (!SAYS_SO.has(code satisfies ErrorCode)) throw error;
    throw new CoffreError('drill-failed', `cannot show that the backups of ${host.name} can be restored: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
      findings,
    });
  }
}

/** A restore that could not compare has shown nothing, neither that the copy is good nor that it is not. */
function proofOf({ plan, compared, undecided }: RestoreResult, recoveryMs: number): DrillProof {
  const databases = plan.archives.flatMap(({ database }) => database ?? []);
  const unknown = databases.filter((name) => !compared.includes(name));
  if (unknown.length > 0 || undecided.length > 0) {
    const what =
      unknown.length > 0
        ? `${unknown.join(', ')} is what was backed up: all of it was restored, and another version writes it in another way`
        : 'the accounts are those that were backed up: they were restored, and cannot be compared';
    throw new CoffreError('not-compared', `cannot tell whether ${what}`, {
      hint: 'install the same version of mariadb-client and mariadb-server on the driller as on the host: mariadb-dump --version',
      findings: undecided,
    });
  }
  const sum = (key: 'tables' | 'sealedBytes') => plan.archives.reduce((total, archive) => total + archive[key], 0);
  return {
    databases: databases.length,
    tables: sum('tables'),
    sealedBytes: sum('sealedBytes'),
    plainBytes: plan.plainBytes,
    recoveryMs: Math.round(recoveryMs),
  };
}

async function timed<Key extends string, T>(clock: Record<Key, number>, key: Key, act: () => Promise<T>): Promise<T> {
  const from = performance.now();
  const result = await act();
  clock[key] = performance.now() - from;
  return result;
}
