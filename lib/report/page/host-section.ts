import type { HostOverview, Night, OverviewFinding } from '../../model/overview.ts';
import { formatAge, formatBytes, formatDuration } from '../format.ts';
import { formatDate, formatMoment } from '../moment.ts';
import { standingOf } from '../verdict.ts';
import { calendarCharts } from './calendar-chart.ts';
import { copiesTable } from './copies-table.ts';
import { type Html, html } from './html.ts';
import { legendOf } from './night-marks.ts';
import { nightsTable } from './nights-table.ts';
import { pillOf } from './pill.ts';
import { durationChart, sizeChart } from './timeline-chart.ts';

/** More than these are for `validate` to tell. */
const FINDINGS_SHOWN = 20;

/** All of one host. */
export function hostSection(host: HostOverview, now: number): Html {
  const { nights, schedule } = host;
  const when = schedule ? html`Due at <code>${schedule.cron}</code>, ${schedule.timezone}` : 'Has left the inventory';
  return html`<section class="card host-card" id="host-${host.host}" aria-labelledby="name-${host.host}">
<div class="heading"><h2 id="name-${host.host}">${host.host}</h2>${pillOf(standingOf(host))}<a class="up" href="#hosts" aria-label="Back to all hosts">All hosts</a></div>
<p class="lead">${when}</p>
${findingsList(host.findings)}
${factsOf(host, now)}
${nights.length > 0 && nightsFigure(nights)}
${nights.some(({ outcome }) => outcome === 'succeeded') && timelines(nights)}
${copiesTable(host.copied)}
${nights.length > 0 && nightsTable(nights, host.host)}
</section>`;
}

function factsOf({ latestSucceeded: last, drill, chain, owed }: HostOverview, now: number): Html {
  const age = (instant: string) => formatAge(now - Date.parse(instant));
  const proof = drill?.latestProof;
  const facts: (readonly [string, string, string] | null)[] = [
    last
      ? [
          'Last good run',
          formatMoment(last.startedAt),
          `${age(last.startedAt)} old, took ${together(formatDuration(last.durationMs))}`,
        ]
      : ['Last good run', 'None', 'nothing to recover from is on record'],
    last && [
      'Size',
      formatBytes(last.plainBytes),
      `of SQL, ${databases(last.databases)}; a copy takes ${together(formatBytes(last.sealedBytes))}`,
    ],
    proof?.proof
      ? [
          'Last drill',
          `Recovered in ${together(formatDuration(proof.proof.recoveryMs))}`,
          `${age(proof.finishedAt)} ago from ${proof.place}, by ${proof.driller}: ${databases(proof.proof.databases)} compared`,
        ]
      : [
          'Last drill',
          'None',
          drill?.maxAgeDays ? 'one is demanded, and none proves anything' : 'nobody asks for drills of this host',
        ],
    chainFact(chain),
    owed.length > 0
      ? [
          'Owed',
          owed.map(({ place, runs }) => `${place}: ${runs} ${runs === 1 ? 'run' : 'runs'}`).join(', '),
          'of the last 14 days; the next run tries again',
        ]
      : null,
  ];
  const shown = facts.flatMap((fact) => (fact ? [fact] : []));
  return html`<dl class="facts">${shown.map(
    ([name, main, small]) =>
      html`<div><dt>${name}</dt><dd><span class="main">${main}</span><span class="small">${small}</span></dd></div>`,
  )}</dl>`;
}

function chainFact(chain: HostOverview['chain']): readonly [string, string, string] {
  switch (chain.kind) {
    case 'whole':
      return [
        'Chain of records',
        'Whole',
        `number 1 to ${chain.length}, each signed, the last ${chain.head.slice(0, 12)}`,
      ];
    case 'broken':
      return [
        'Chain of records',
        'Not whole',
        `${chain.findings.length === 1 ? 'a finding is' : `${chain.findings.length} findings are`} against it`,
      ];
    case 'empty':
      return ['Chain of records', 'Empty', 'no signed record of this host'];
  }
}

function nightsFigure(nights: readonly Night[]): Html {
  return html`<figure><figcaption><h3>Nights</h3><span class="lead">${formatDate(nights[0]?.date ?? '')} to ${formatDate(nights.at(-1)?.date ?? '')}</span></figcaption>
${calendarCharts(nights)}${legendOf(nights)}</figure>`;
}

function timelines(nights: readonly Night[]): Html {
  const odd = nights.some(({ findings, outcome }) => outcome === 'succeeded' && findings.length > 0);
  const diamond = html`<li><svg class="chart" viewBox="0 0 12 12" aria-hidden="true"><path class="p-odd" d="M6 0L12 6L6 12L0 6z"/></svg>with a finding</li>`;
  return html`<div class="pair">
<figure><figcaption><h3>Size</h3></figcaption>${sizeChart(nights)}
<ul class="legend"><li><svg class="chart" viewBox="0 0 14 12" aria-hidden="true"><path class="l-sql" d="M0 6h14"/></svg>SQL</li><li><svg class="chart" viewBox="0 0 12 12" aria-hidden="true"><path class="a-sealed" d="M0 2h12v10h-12z"/></svg>a sealed copy</li>${odd && diamond}</ul></figure>
<figure><figcaption><h3>Duration</h3></figcaption>${durationChart(nights)}
<ul class="legend"><li><svg class="chart" viewBox="0 0 14 12" aria-hidden="true"><path class="l-took" d="M0 6h14"/></svg>from the start of a run to its end</li>${odd && diamond}</ul></figure>
</div>`;
}

/** Findings with what to do, errors first. */
export function findingsList(findings: readonly OverviewFinding[]): Html {
  if (findings.length === 0) return html``;
  const more = findings.length - FINDINGS_SHOWN;
  const items = findings
    .slice(0, FINDINGS_SHOWN)
    .map(
      ({ severity, path, message, hint }) =>
        html`<li class="${severity}"><b>${severity === 'error' ? 'Error' : 'Warning'}:</b> ${message}<span class="hint">${hint}${path !== null && html` · <code>${path}</code>`}</span></li>`,
    );
  return html`<ul class="findings">${items}${more > 0 && html`<li>${more} more: <code>npx zx tasks/validate.ts</code></li>`}</ul>`;
}

/** A number and its unit are not torn apart at the end of a line. */
function together(text: string): string {
  return text.replaceAll(' ', '\u00a0');
}

function databases(count: number): string {
  return count === 1 ? '1 database' : `${count} databases`;
}
