import type { Night } from '../../model/overview.ts';
import { formatBytes, formatDuration } from '../format.ts';
import { type Html, html, ownMarkup } from './html.ts';
import { lookOf } from './night-marks.ts';

/** All that the charts show, as a table, the newest night first. Closing tags that HTML does not ask for are left out: there are many rows. */
export function nightsTable(nights: readonly Night[], host: string): Html {
  const rows = [...nights].reverse().map((night) => {
    const { run, findings } = night;
    const good = night.outcome === 'succeeded' ? run : null;
    const sizes = good
      ? html`<td>${formatBytes(good.plainBytes)}<td>${formatBytes(good.sealedBytes)}<td>${formatDuration(good.durationMs)}`
      : html`<td><td><td>`;
    const told = [run?.errorCode ?? '', ...findings.map(({ message }) => message)]
      .filter((text) => text !== '')
      .join('; ');
    return html`<tr><th scope="row">${night.date}<td>${lookOf(night).word}${sizes}<td>${told}`;
  });
  const head = ownMarkup(
    '<thead><tr><th scope="col">Night<th scope="col">Outcome<th scope="col">SQL<th scope="col">Sealed<th scope="col">Took<th scope="col">Findings<tbody>',
  );
  return html`<details><summary>Every night of ${host} as a table</summary><div class="scroll" tabindex="0" role="group" aria-label="Every night of ${host}"><table class="nights">${head}${rows}</table></div></details>`;
}
