import { join } from 'node:path';
import { scheduledSettings } from '../host/scheduled-settings.ts';
import { TIMER_UNIT } from '../host/timer.ts';
import { formerSlice } from '../inventory/slice.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Remark } from '../model/plan.ts';
import { quotePosix } from '../system/command.ts';
import { exists } from '../system/files.ts';

interface Place {
  /** As the inventory names it. */
  readonly setting: string;
  /** What is to be done about the old path, once the setting has another one. */
  readonly mend: (old: string, now: string) => string;
  /** What of ours stands at the path, where the path itself is not ours. */
  readonly ours?: string;
}

const take = (old: string) => `rm -r ${quotePosix(old)}`;
const runs = (old: string, now: string) =>
  `nothing prunes the runs in it any more, and no restore looks there: move them to ${now}, or: ${take(old)}`;

const PLACES: readonly Place[] = [
  {
    setting: 'state.path',
    mend: (old, now) =>
      `the signing key and the host's place in its chain are in it: mv ${quotePosix(old)} ${quotePosix(now)}`,
  },
  { setting: 'store.path', mend: runs },
  { setting: 'export.path', mend: runs },
  {
    setting: 'keys.path',
    mend: (old, now) => `the wrapped passphrases of earlier runs are in it: move them to ${now}, or: ${take(old)}`,
  },
  { setting: 'settings.path', mend: (old) => `nothing reads it any more: ${take(old)}` },
  { setting: 'agent.path', mend: (old) => `nothing runs from it any more: ${take(old)}` },
  { setting: 'secrets.path', mend: (old) => `nothing reads the secrets in it any more: ${take(old)}` },
  { setting: 'database.optionFile', mend: (old) => `nothing reads the password in it any more: ${take(old)}` },
  { setting: 'scheduler.cronFile', mend: (old) => `cron still starts a backup by it: ${take(old)}` },
  {
    setting: 'scheduler.unitFolder',
    ours: TIMER_UNIT,
    mend: (old) => `it may still start a backup: systemctl disable --now ${TIMER_UNIT}; ${take(old)}`,
  },
];

/**
 * What stays behind when paths were changed in the inventory: by the host's own slice as it was written before, so that this is
 * told by the plan and by the run that changes it, and never again.
 */
export async function formerPathRemarks(host: HostConfig): Promise<readonly Remark[]> {
  const settings = host.settings.path;
  const former = (await formerSlice(settings)) ?? (await formerSliceElsewhere(host));
  if (former?.name !== host.name) return [];
  const remarks = await Promise.all(
    PLACES.map(async ({ setting, mend, ours }) => {
      const [was, now] = [valueAt(former, setting), valueAt(host, setting)];
      if (typeof was !== 'string' || typeof now !== 'string' || was === now) return [];
      const old = ours === undefined ? was : join(was, ours);
      if (!(await exists(old))) return [];
      return [{ text: `${old} stays behind: ${setting} is ${now} now`, hint: mend(old, now) }];
    }),
  );
  return remarks.flat();
}

/** Where the settings folder itself was changed, the nightly task still names the old one. */
async function formerSliceElsewhere({ scheduler }: HostConfig) {
  const folder = await scheduledSettings(scheduler.cronFile);
  return folder === undefined ? undefined : await formerSlice(folder);
}

function valueAt(value: unknown, setting: string): unknown {
  return setting
    .split('.')
    .reduce<unknown>((part, step) => (part as Record<string, unknown> | undefined)?.[step], value);
}
