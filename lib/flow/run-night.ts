import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { News } from '../model/news.ts';
import { type BackupResult, backup } from './backup.ts';
import type { BackupContext } from './backup-context.ts';
import { prune } from './prune.ts';
import type { PlacePrune } from './prune-order.ts';
import type { PublishedVerification } from './publish-verification.ts';
import { tell } from './tell.ts';
import { isBadCopy } from './verify.ts';
import { verifyWhenDue } from './verify-when-due.ts';

export interface NightResult extends BackupResult {
  /** The places that the retention of the host names. */
  readonly pruned: readonly PlacePrune[];
  /** What was found of the copies; null where no look at them was due, or none could be begun. */
  readonly looked: PublishedVerification | null;
}

/**
 * What a host does each night: a run, and then what its retention asks for, which is never before there is a new run; last a
 * look at all copies, where one is due. A place that could not be cleared is told, and fails nothing: the next night tries
 * again. Whoever the inventory names is told that it began and how it ended. Throws what `backup` throws.
 */
export async function runNight(host: HostConfig, context: BackupContext): Promise<NightResult> {
  const { emit, clock } = context;
  const order = { notify: host.notify, secretsFile: host.secrets.path, emit };
  const news = (event: News['event'], rest: Partial<News> = {}): News => {
    const nothing = { run: null, code: null, durationMs: null, figures: null, copies: [] };
    return { event, task: 'backup', host: host.name, at: clock.now().toISOString(), ...nothing, ...rest };
  };
  const begun = tell(news('start'), order); // nobody waits for it
  try {
    const result = await night(host, context);
    await begun;
    await tell(news(...outcomeOf(result)), order);
    return result;
  } catch (error) {
    await begun;
    await tell(news('failure', { code: asCoffreError(error).code }), order);
    throw error;
  }
}

async function night(host: HostConfig, context: BackupContext): Promise<NightResult> {
  const result = await backup(host, context);
  const { emit } = context;
  const warn = ({ message, hint }: { readonly message: string; readonly hint: string | undefined }, where: string) => {
    const text = `old runs are still in ${where}: ${message}`;
    emit({ kind: 'warning', subject: host.name, text, hint: hint ?? 'look at: npx zx tasks/prune.ts --dry-run' });
  };
  const pruned = await prune(host, { ...context, dryRun: false }).catch((error: unknown) => {
    warn(asCoffreError(error), 'their places');
    return [];
  });
  for (const { place, error } of pruned) if (error) warn(error, place);
  return { ...result, pruned, looked: await verifyWhenDue(host, context) };
}

function outcomeOf({ manifest, owed, looked }: NightResult): [News['event'], Partial<News>] {
  const { run, archives, startedAt, finishedAt, copies } = manifest;
  const sum = (of: 'plainBytes' | 'sealedBytes') => archives.reduce((bytes, archive) => bytes + archive[of], 0);
  const databases = archives.filter(({ kind }) => kind === 'database').length;
  const facts = {
    run,
    durationMs: Date.parse(finishedAt) - Date.parse(startedAt),
    figures: { databases, sqlBytes: sum('plainBytes'), sealedBytes: sum('sealedBytes') },
    copies: copies.map(({ kind, offsite, state }) => ({ place: offsite ?? kind, state })),
  };
  if (looked?.places.some(({ copies }) => copies.some(isBadCopy)))
    return ['failure', { ...facts, code: 'verification-failed' }];
  return owed.length > 0 || looked?.trouble ? ['owed', { ...facts, code: 'owed' }] : ['success', facts];
}
