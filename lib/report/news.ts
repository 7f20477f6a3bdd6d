import { ERRORS } from '../model/error.ts';
import type { News, Wording } from '../model/news.ts';
import { formatBytes, formatDuration } from './format.ts';

/** What people are told, in words that need no looking up at four in the morning. */
export function wordingOf(news: News): Wording {
  const { run, at, code, durationMs, figures, copies, drilled } = news;
  const why = code === null ? [] : [`Why: ${ERRORS[code].summary} (${code}).`];
  const what = figures
    ? [
        `${figures.databases} ${figures.databases === 1 ? 'database' : 'databases'}, ${formatBytes(figures.sqlBytes)} of SQL, ${formatBytes(figures.sealedBytes)} sealed${durationMs === null ? '' : `, in ${formatDuration(durationMs)}`}.`,
      ]
    : [];
  const where =
    copies.length > 0 ? [`Copies: ${copies.map(({ place, state }) => `${place} ${state}`).join(', ')}.`] : [];
  const proven = drilled.map(({ host, outcome, recoveryMs }) => {
    if (outcome === 'failed') return `${host} was NOT restored`;
    return `${host} was restored and compared${recoveryMs === null ? '' : ` in ${formatDuration(recoveryMs)}`}`;
  });
  const hosts = proven.length > 0 ? [`${proven.join('; ')}.`] : [];
  const told = [
    `At ${at}${run === null ? '' : `, run ${run}`}.`,
    ...why,
    ...what,
    ...where,
    ...hosts,
    ...adviceOf(news),
  ];
  return { subject: subjectOf(news), text: told.join('\n') };
}

function subjectOf({ event, task, host }: News): string {
  const noun = task === 'backup' ? 'the backup of' : 'the drill by';
  switch (event) {
    case 'start':
      return `coffre: ${noun} ${host} has begun`;
    case 'success':
      return `coffre: ${noun} ${host} is done`;
    case 'owed':
      return `coffre: ${noun} ${host} is done, and something is still owed`;
    case 'failure':
      return `coffre: ${noun} ${host} NEEDS A LOOK`;
  }
}

function adviceOf({ event, task, code }: News): string[] {
  if (event === 'owed')
    return [
      task === 'drill'
        ? 'The next drill publishes it; look when this is told twice.'
        : 'The next run delivers it; look when this is told twice. By hand, on the host: /opt/coffre/current/coffre backup',
    ];
  if (event !== 'failure') return [];
  if (task === 'drill') return ['On the driller: /opt/coffre-drill/current/coffre drill tells what it found.'];
  return [
    code === 'verification-failed'
      ? 'There is a new backup, and a copy is not what it should be. On the host: /opt/coffre/current/coffre verify'
      : 'There is no new backup. On the host: /opt/coffre/current/coffre backup tries again, and tells what is wrong.',
  ];
}
