import type { HostConfig, Keep } from '../model/inventory.ts';
import type { RunId } from '../model/run-id.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { assertStoreReadable } from '../storage/store-guard.ts';
import { exists } from '../system/files.ts';
import { type CopyPlace, openPlace } from './find-copy.ts';
import { openOffsite } from './open-offsite.ts';

/** A place whose runs are thinned out, as the inventory asks for. */
export interface PrunedPlace {
  /** `store`, `export` or `offsite:<name>`. */
  readonly name: string;
  readonly keep: Keep;
  /** Whether only the owner of the server can remove anything. */
  readonly byOwner: boolean;
  /** Looks at what is there. Whoever opens MUST close. Throws rather than say that nothing is there. */
  open(signal: AbortSignal): Promise<CopyPlace & { remove(run: RunId): Promise<void> }>;
}

/** The places of a host for which the inventory says how many runs stay; nothing is ever removed elsewhere. */
export function prunedPlaces(host: HostConfig): readonly PrunedPlace[] {
  const { store, export: exported, offsite } = host.retention ?? {};
  return [
    ...(store
      ? [
          {
            name: 'store',
            keep: store,
            byOwner: false,
            open: (signal: AbortSignal) => openLocal(host, 'store', signal),
          },
        ]
      : []),
    ...(exported
      ? [
          {
            name: 'export',
            keep: exported,
            byOwner: false,
            open: (signal: AbortSignal) => openLocal(host, 'export', signal),
          },
        ]
      : []),
    ...(offsite ? host.offsite : []).map((config) => ({
      name: `offsite:${config.name}`,
      keep: offsite as Keep,
      byOwner: config.appendOnly,
      async open(signal: AbortSignal) {
        const far = await openOffsite(host, config, signal);
        return Object.assign(far, { name: `offsite:${config.name}`, remove: far.removeRun });
      },
    })),
  ];
}

async function openLocal(host: HostConfig, name: 'store' | 'export', signal: AbortSignal) {
  await assertStoreReadable(name === 'store' ? host.store : { ...host.export, mount: 'none' });
  const [path, other] = name === 'store' ? [host.store.path, host.export.path] : [host.export.path, host.store.path];
  const remove = async (run: RunId) => {
    await openRunFolders(path).removeRun(run);
    // The wrapped passphrase on the host goes with the last copy on the host. Each copy has its own.
    if (!(await exists(`${other}/${run}`))) await openRunFolders(host.keys.path).removeRun(run);
  };
  return { ...(await openPlace(host, name, signal)), remove };
}
