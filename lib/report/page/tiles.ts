import type { AuditOverview, HostOverview } from '../../model/overview.ts';
import { formatDuration } from '../format.ts';
import type { Verdict } from '../verdict.ts';
import { type Html, html } from './html.ts';

const MONTH_NIGHTS = 30;

/** The few figures that stand for all hosts. */
export function tiles(overview: AuditOverview, verdict: Verdict): Html {
  const { hosts, manifests, drills } = overview;
  const broken = hosts.filter(({ chain }) => chain.kind === 'broken').length;
  const shown = [
    ['Hosts', `${verdict.recoverable} of ${hosts.length}`, 'shown to be recoverable'],
    ['Nights', nightsFigure(hosts), `good of those that were due in ${MONTH_NIGHTS} days`],
    ['Drills', drillsFigure(hosts), slowest(hosts)],
    [
      'Record',
      broken === 0 ? 'Whole' : `${broken} not whole`,
      `${count(manifests, 'manifest')} and ${count(drills, 'drill')}, signed`,
    ],
  ] as const;
  return html`<dl class="tiles">${shown.map(
    ([name, figure, small]) =>
      html`<div class="tile"><dt>${name}</dt><dd><span class="figure">${figure}</span><span class="small">${small}</span></dd></div>`,
  )}</dl>`;
}

function nightsFigure(hosts: readonly HostOverview[]): string {
  const nights = hosts.flatMap(({ nights }) => nights.slice(-MONTH_NIGHTS));
  const due = nights.filter(({ outcome }) => outcome !== 'none due' && outcome !== 'awaited');
  const good = due.filter(({ outcome }) => outcome === 'succeeded').length;
  return due.length === 0 ? '–' : `${grouped(good)} of ${grouped(due.length)}`;
}

function drillsFigure(hosts: readonly HostOverview[]): string {
  const proven = hosts.filter(({ drill }) => drill && drill.latestProof !== null && drill.state !== 'stale').length;
  return `${proven} of ${hosts.length}`;
}

function slowest(hosts: readonly HostOverview[]): string {
  const times = hosts.flatMap(({ drill }) => drill?.latestProof?.proof?.recoveryMs ?? []);
  return times.length === 0
    ? 'no drill has proven a restore'
    : `proven by a drill; the slowest took ${formatDuration(Math.max(...times))}`;
}

function count(n: number, noun: string): string {
  return `${grouped(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** `4380` → `4,380`. */
function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}
