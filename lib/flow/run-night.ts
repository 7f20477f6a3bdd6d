import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { News } from '../model/news.ts';
import { type BackupResult, backup } from './backup.ts';
import type { BackupContext } from './backup-context.ts';
import { afterFailure, afterNight } from './memory-of-night.ts';
import { prune } from './prune.ts';
import type { PlacePrune } from './prune-order.ts';
import type { PublishedVerification } from './publish-verification.ts';
import { remember } from './remember.ts';
import { tell } from './tell.ts';
import { keepUntold } from './untold.ts';
import { isBadCopy } from './verify.ts';
import { verifyWhenDue } from './verify-when-due.ts';

export interface NightResult extends BackupResult {
  /** The places that the retention of the host names. */
  readonly pruned: readonly PlacePrune[];
  /** What was found of the copies; null where no look at them was due, or none could be begun. */
  readonly looked: PublishedVerification | null;
}

type Timed = { readonly name: string; readonly durationMs: number };

/**
 * What a host does each night: a run, and then what its retention asks for, which is never before there is a new run; last a
 * look at all copies, where one is due. A place that could not be cleared is told, and fails nothing: the next night tries
 * again. Whoever the inventory names is told that it began and how it ended. Throws what `backup` throws.
 */
export async function runNight(host: HostConfig, context: BackupContext): Promise<NightResult> {
  const { emit, clock } = context;
  const order = { notify: host.notify, secretsFile: host.secrets.path, emit };
  const news = (event: News['event'], rest: Partial<News> = {}): News => {
    const nothing = { run: null, code: null, durationMs: null, figures: null, copies: [], drilled: [] };
    return { event, task: 'backup', host: host.name, at: clock.now().toISOString(), ...nothing, ...rest };
  };
  const from = performance.now();
  const durationMs = () => Math.round(performance.now() - from);
  const say = async (told: News): Promise<void> => {
    const untold = await tell(told, order);
    await keepUntold(
      host.state.path,
      untold.map(({ kind, event }) => ({ notifier: kind, event, at: told.at })),
    ).catch(() => undefined); // it was a warning already
  };
  const begun = say(news('start')); // nobody waits for it
  try {
    const { result, after } = await night(host, context);
    await begun;
    const [event, facts] = outcomeOf(result);
    await remember(host, afterNight(result, { event, facts, after, at: clock.now(), durationMs: durationMs() }), emit);
    await say(news(event, facts));
    return result;
  } catch (error) {
    await begun;
    const { code } = asCoffreError(error);
    await remember(host, afterFailure(code, clock.now(), durationMs()), emit);
    await say(news('failure', { code }));
    throw error;
  }
}

async function night(
  host: HostConfig,
  context: BackupContext,
): Promise<{ readonly result: NightResult; readonly after: readonly Timed[] }> {
  const result = await backup(host, context);
  const after: Timed[] = [];
  const timed = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
    const from = performance.now();
    const done = await act();
    after.push({ name, durationMs: Math.round(performance.now() - from) });
    return done;
  };
  const { emit } = context;
  const warn = ({ message, hint }: { readonly message: string; readonly hint: string | undefined }, where: string) => {
    const text = `old runs are still in ${where}: ${message}`;
    emit({ kind: 'warning', subject: host.name, text, hint: hint ?? 'look at: npx zx tasks/prune.ts --dry-run' });
  };
  const pruned = await timed('prune', () => prune(host, { ...context, dryRun: false })).catch((error: unknown) => {
    warn(asCoffreError(error), 'their places');
    return [];
  });
  for (const { place, error } of pruned) if (error) warn(error, place);
  const looked = await timed('verify', () => verifyWhenDue(host, context));
  return { result: { ...result, pruned, looked }, after };
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
