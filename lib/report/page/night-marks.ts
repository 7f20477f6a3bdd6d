import type { Night, NightOutcome } from '../../model/overview.ts';
import { formatBytes, formatDuration } from '../format.ts';
import { formatDay } from '../moment.ts';
import { type Html, html } from './html.ts';

/** How a night looks: its outcome, or that a rule has found something of a run that succeeded. */
export type NightLook = NightOutcome | 'odd';

interface Look {
  readonly look: NightLook;
  readonly className: string;
  /** A sign besides the colour, which is not for everybody. */
  readonly sign: string;
  readonly word: string;
  /** What it means, for the legend. */
  readonly meaning: string;
}

export const LOOKS: readonly Look[] = [
  { look: 'succeeded', className: 'n-ok', sign: '', word: 'succeeded', meaning: 'succeeded' },
  {
    look: 'odd',
    className: 'n-odd',
    sign: '!',
    word: 'succeeded, with a finding',
    meaning: 'succeeded, with a finding',
  },
  { look: 'failed', className: 'n-bad', sign: '×', word: 'failed', meaning: 'failed' },
  { look: 'skipped', className: 'n-skip', sign: '–', word: 'skipped', meaning: 'skipped' },
  { look: 'missing', className: 'n-gone', sign: '?', word: 'missing', meaning: 'missing: due, and no record of it' },
  {
    look: 'awaited',
    className: 'n-wait',
    sign: '',
    word: 'awaited',
    meaning: 'awaited: due, within its hours of grace',
  },
  { look: 'none due', className: 'n-none', sign: '', word: 'none due', meaning: 'none due' },
];

export function lookOf({ outcome, findings }: Night): Look {
  const wanted: NightLook = outcome === 'succeeded' && findings.length > 0 ? 'odd' : outcome;
  return LOOKS.find(({ look }) => look === wanted) as Look;
}

/** `Sun 22 Nov 2026: 3.1 GiB in 4 min 12 s`, or what else became of it. */
export function describeNight(night: Night): string {
  const { date, outcome, run, runs, findings } = night;
  const facts = [
    run && outcome === 'succeeded'
      ? `${formatDay(date)}: ${formatBytes(run.plainBytes)} in ${formatDuration(run.durationMs)}`
      : `${formatDay(date)}: ${outcome}`,
    ...(run?.errorCode && outcome !== 'succeeded' ? [run.errorCode] : []),
    ...(runs > 1 ? [`the best of ${runs} runs`] : []),
    ...findings.map(({ message }) => message),
  ];
  return facts.join(', ');
}

/** The class of a look's sign: a hollow cell has one in the colour of its edge. */
export function signClass(look: NightLook): string {
  return look === 'missing' ? 'sign hollow' : 'sign';
}

/** The sign of a cell of 10 in the middle of `x`. */
export function signAt(look: NightLook, sign: string, x: number): Html {
  if (sign === '') return html``;
  return html`<g class="${signClass(look)}"><text x="${x}" y="6" dy=".35em" text-anchor="middle">${sign}</text></g>`;
}

/** `363 succeeded, 1 failed, 1 missing`, for those who do not see the calendar. */
export function countNights(nights: readonly Night[]): string {
  const counted = LOOKS.flatMap(({ look, word }) => {
    const count = nights.filter((night) => lookOf(night).look === look).length;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return counted.join(', ');
}

/** What the cells mean, and how many of each there are. */
export function legendOf(nights: readonly Night[]): Html {
  const items = LOOKS.flatMap(({ look, className, sign, meaning }) => {
    const count = nights.filter((night) => lookOf(night).look === look).length;
    if (count === 0 && look !== 'succeeded') return [];
    const cell = html`<svg viewBox="0 0 12 12" class="chart" aria-hidden="true"><path class="${className}" d="M1 1h10v10h-10z"/>${signAt(look, sign, 6)}</svg>`;
    return [html`<li>${cell}<span><span class="count">${count}</span> ${meaning}</span></li>`];
  });
  return html`<ul class="legend">${items}</ul>`;
}
