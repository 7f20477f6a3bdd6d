import type { AuditOverview, HostOverview, OverviewFinding } from '../../model/overview.ts';
import { formatMoment } from '../moment.ts';
import { type Standing, standingOf, type Verdict, verdictOf } from '../verdict.ts';
import { favicon } from './favicon.ts';
import { findingsList, hostSection } from './host-section.ts';
import { hostsTable } from './hosts-table.ts';
import { type Html, html, ownMarkup } from './html.ts';
import { SIGNS, signOf } from './icons.ts';
import { STYLE } from './style.ts';
import { tiles } from './tiles.ts';
import { HOW_TO_CHECK, WORDS } from './words.ts';

/** Nothing is loaded from anywhere, nothing is run: whatever a text in it might say. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** The page: one file of HTML that asks nobody for anything. */
export function renderPage(overview: AuditOverview): string {
  const [hosts, retired] = [inOrder(overview.hosts), inOrder(overview.retired)];
  const verdict = verdictOf(overview);
  const now = Date.parse(overview.madeAt);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${verdict.sentence}</title>
<link rel="icon" href="${favicon(verdict.standing)}">
<style>${ownMarkup(STYLE)}</style>
</head>
<body class="${verdict.standing}">
<a class="skip" href="#hosts">Skip to the hosts</a>
${SIGNS}
${header(overview, verdict)}
<main>
${tiles(overview, verdict)}
${stray(overview.findings)}
<section class="card" id="hosts" aria-labelledby="hosts-title"><h2 id="hosts-title">Hosts</h2>${hostsTable(hosts, now)}</section>
${[...hosts, ...retired].map((host) => hostSection(host, now))}
${WORDS}
</main>
<footer class="foot">${HOW_TO_CHECK}</footer>
</body>
</html>
`;
  return page.markup;
}

const URGENCY: Readonly<Record<Standing, number>> = { bad: 0, warned: 1, good: 2 };
const byName = new Intl.Collator('en', { numeric: true });

/** What needs attention first; then by name, and db10 behind db9. */
function inOrder(hosts: readonly HostOverview[]): readonly HostOverview[] {
  const urgency = (host: HostOverview) => URGENCY[standingOf(host)];
  return [...hosts].sort((a, b) => urgency(a) - urgency(b) || byName.compare(a.host, b.host));
}

function header({ head, madeAt }: AuditOverview, { standing, sentence }: Verdict): Html {
  const commit =
    head === null
      ? 'The audit repository is empty.'
      : html`Read from commit <code>${head.slice(0, 12)}</code> of the audit repository`;
  return html`<header class="top"><p class="brand">coffre · backups of MariaDB</p>
<div class="verdict"><span class="tone ${standing}">${signOf(standing)}</span><h1>${sentence}</h1></div>
<p class="source">${commit} on ${formatMoment(madeAt)}. What stands here is told by signed records alone, and judged by the inventory.</p></header>`;
}

/** What is wrong with the audit repository and is of no host of the inventory. */
function stray(findings: readonly OverviewFinding[]): Html {
  if (findings.length === 0) return html``;
  return html`<section class="card" aria-labelledby="stray"><h2 id="stray">The audit repository itself</h2>${findingsList(findings)}</section>`;
}
