import type { DrillerConfig } from '../model/driller-config.ts';
import { asCoffreError } from '../model/error.ts';
import type { News } from '../model/news.ts';
import { type DrillContext, type DrillOutcome, drill } from './drill.ts';
import { tell } from './tell.ts';
import { keepUntold } from './untold.ts';

/**
 * Drills, and tells whom the inventory names for this driller that it began and how all of it ended: once for all of its hosts,
 * because of a ping address the last word counts. Throws what `drill` throws.
 */
export async function drillAndTell(driller: DrillerConfig, context: DrillContext): Promise<readonly DrillOutcome[]> {
  const { clock, emit } = context;
  const order = { notify: driller.notify, secretsFile: driller.secrets.path, emit };
  const say = async (event: News['event'], rest: Partial<News> = {}): Promise<void> => {
    const at = clock.now().toISOString();
    const nothing = { run: null, code: null, durationMs: null, figures: null, copies: [], drilled: [] };
    const untold = await tell({ event, task: 'drill', host: driller.name, at, ...nothing, ...rest }, order);
    await keepUntold(
      driller.state.path,
      untold.map(({ kind, event }) => ({ notifier: kind, event, at })),
    ).catch(() => undefined); // it was a warning already
  };
  const begun = say('start'); // nobody waits for it
  try {
    const outcomes = await drill(driller, context);
    await begun;
    if (!context.signal.aborted) await say(...endOf(outcomes));
    return outcomes;
  } catch (error) {
    await begun;
    await say('failure', { code: asCoffreError(error).code });
    throw error;
  }
}

function endOf(outcomes: readonly DrillOutcome[]): [News['event'], Partial<News>] {
  const drilled = outcomes.map(({ record: { host, outcome, proof } }) => {
    return { host, outcome, recoveryMs: proof?.recoveryMs ?? null };
  });
  const failed = outcomes.flatMap(({ error, lost }) => error ?? lost ?? [])[0];
  if (failed) return ['failure', { drilled, code: failed.code }];
  const isOwed = outcomes.some(({ publication }) => publication.kind === 'owed');
  return isOwed ? ['owed', { drilled, code: 'owed' }] : ['success', { drilled }];
}
