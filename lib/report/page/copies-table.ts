import type { CopiedRun, OverviewCopy } from '../../model/overview.ts';
import { describeCopy, describeLook, isThere } from '../copies.ts';
import { formatMoment } from '../moment.ts';
import { type Html, html } from './html.ts';
import { signOf } from './icons.ts';

/** The newest runs, and at each place how the copy was verified: when it was made, and since. */
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
  const looked = copy.looked && html`<span class="looked">${describeLook(copy.looked)}</span>`;
  if (copy.state === 'removed') return html`<td class="soft">${describeCopy(copy)}${looked}</td>`;
  const onlySize = copy.verified === 'size only' && copy.looked === null;
  const standing = isThere(copy) ? (onlySize ? 'warned' : 'good') : 'bad';
  return html`<td><span class="tone ${standing}">${signOf(standing, 'tick')}</span>${describeCopy(copy)}${looked}</td>`;
}
