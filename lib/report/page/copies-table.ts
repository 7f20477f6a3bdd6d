import type { CopiedRun, OverviewCopy } from '../../model/overview.ts';
import { describeCopy } from '../copies.ts';
import { formatMoment } from '../moment.ts';
import { type Html, html } from './html.ts';
import { signOf } from './icons.ts';

/** The newest runs, and at each place how the copy was verified. */
export function copiesTable(copied: readonly CopiedRun[]): Html {
  if (copied.length === 0) return html``;
  const places = [...new Set(copied.flatMap(({ copies }) => copies.map(({ place }) => place)))];
  const rows = copied.map(({ startedAt, copies }) => {
    const cells = places.map((place) => cellOf(copies.find((copy) => copy.place === place)));
    return html`<tr><th scope="row" class="nowrap">${formatMoment(startedAt)}</th>${cells}</tr>`;
  });
  return html`<h3>Copies of the newest runs, and how each was verified</h3>
<div class="scroll" tabindex="0" role="group" aria-label="Copies"><table class="copies"><thead><tr><th scope="col">Run</th>${places.map((place) => html`<th scope="col">${place}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function cellOf(copy: OverviewCopy | undefined): Html {
  if (copy === undefined) return html`<td class="soft">no copy</td>`;
  const standing = copy.state === 'complete' ? (copy.verified === 'size only' ? 'warned' : 'good') : 'bad';
  return html`<td><span class="tone ${standing}">${signOf(standing, 'tick')}</span>${describeCopy(copy)}</td>`;
}
