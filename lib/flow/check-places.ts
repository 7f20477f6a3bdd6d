import { asCoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import { formatBytes } from '../model/format-bytes.ts';
import type { CheckOrder } from '../model/host-check.ts';
import { assertFolderWritable, assertStoreMounted, freeBytes } from '../storage/store-guard.ts';
import { assertRoom, exportRemark, measureRoom, type Room } from './assert-room.ts';
import type { Probe, Seen } from './try-conditions.ts';

/** Whether store and export take what a run writes there, as the run itself makes sure of it. */
export function placeProbes({ host, allowedSigners }: CheckOrder['slice'], freeAt = freeBytes): readonly Probe[] {
  const { store } = host;
  const inventory = { allowedSigners };
  return [
    {
      check: 'store',
      says: 'the store is mounted, and a file is written, synced, renamed and read back there',
      late: 'store-unreachable',
      async look() {
        await assertStoreMounted(store);
        return { detail: store.mount === 'none' ? `${store.path}, a plain folder` : `${store.path}, ${store.mount}` };
      },
    },
    {
      check: 'space',
      says: 'the store has room for the next runs',
      after: 'store',
      late: 'store-unreachable',
      async look(): Promise<Seen> {
        const told: { readonly text: string; readonly hint: string }[] = [];
        const emit: Emit = (event) => {
          if (event.kind === 'warning') told.push(event);
        };
        const { store: room, exported } = await measureRoom(host, inventory, freeAt);
        const figures = [{ name: 'store_free', value: room.freeBytes, unit: 'B' as const }];
        try {
          await assertRoom(host, { inventory, emit }, freeAt);
        } catch (error) {
          const { message, hint = null, code } = asCoffreError(error);
          return { fault: { text: message, hint, code }, figures };
        }
        const [warned] = told.filter(({ text }) => text !== exportRemark(exported)?.text);
        return { detail: describe(room), figures, fault: warned && { ...warned, severity: 'warning' } };
      },
    },
    {
      check: 'export',
      says: 'the export takes a file, and has room for a day archive',
      severity: 'warning',
      late: 'write-failed',
      async look(): Promise<Seen> {
        await assertFolderWritable(host.export.path);
        const { exported } = await measureRoom(host, inventory, freeAt).catch(() => ({ exported: undefined }));
        if (!exported) return { detail: `${host.export.path}; nobody knows the sizes of the last runs` };
        const figures = [{ name: 'export_free', value: exported.freeBytes, unit: 'B' as const }];
        return { detail: describe(exported), figures, fault: exportRemark(exported) };
      },
    },
  ];
}

function describe({ path, freeBytes, takesBytes, runs }: Room): string {
  const free = `${path} has ${formatBytes(freeBytes)} free`;
  return runs === 0 ? `${free}; no run is there yet` : `${free}, a run takes up to ${formatBytes(takesBytes)}`;
}
