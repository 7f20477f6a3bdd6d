import type { HostOverview, Night } from '../../model/overview.ts';
import { countCopies } from '../copies.ts';
import { formatAge, formatBytes } from '../format.ts';
import { formatMoment } from '../moment.ts';
import { standingOf, troublesOf } from '../verdict.ts';
import { type Html, html } from './html.ts';
import { countNights, lookOf, signAt } from './night-marks.ts';
import { pillOf } from './pill.ts';

const STRIP_NIGHTS = 14;

/** A row a host. On a narrow screen some columns are left out: the host's own section has them. */
export function hostsTable(hosts: readonly HostOverview[], now: number): Html {
  const rows = hosts.map((host) => {
    const { latestSucceeded: last, copied, drill, nights } = host;
    const [newest] = copied;
    const proof = drill?.latestProof;
    const troubles = troublesOf(host).map(({ text }) => text);
    return html`<tr><th scope="row" class="host"><a href="#host-${host.host}">${host.host}</a></th>
<td>${pillOf(standingOf(host))}${troubles.length > 0 && html`<div class="soft">${troubles.join('; ')}</div>`}</td>
<td class="wide nowrap">${last ? formatMoment(last.startedAt) : 'never'}</td>
<td class="num">${last ? formatAge(now - Date.parse(last.startedAt)) : '–'}</td>
<td class="num wide">${last ? formatBytes(last.sealedBytes) : '–'}</td>
<td class="num wide wider">${newest ? countCopies(newest.copies) : '–'}</td>
<td class="num wide">${proof ? `${formatAge(now - Date.parse(proof.finishedAt))} ago` : 'none'}</td>
<td class="wide wider">${strip(nights.slice(-STRIP_NIGHTS))}</td></tr>`;
  });
  return html`<table><thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col" class="wide">Last good run</th><th scope="col" class="num">Age</th><th scope="col" class="num wide">Size</th><th scope="col" class="num wide wider">Copies</th><th scope="col" class="num wide">Last drill</th><th scope="col" class="wide wider num">Last ${STRIP_NIGHTS} nights</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

/** The last nights in a row, the newest at the right. */
function strip(nights: readonly Night[]): Html {
  if (nights.length === 0) return html`–`;
  const cells = nights.map((night, n) => {
    const { className, sign, look } = lookOf(night);
    const x = (n + STRIP_NIGHTS - nights.length) * 12 + 1;
    return html`<path class="${className}" d="M${x} 1h10v10h-10z"/>${signAt(look, sign, x + 5)}`;
  });
  const label = `Last ${nights.length} nights: ${countNights(nights)}`;
  return html`<svg class="chart strip" viewBox="0 0 ${STRIP_NIGHTS * 12} 12" role="img" aria-label="${label}">${cells}</svg>`;
}
