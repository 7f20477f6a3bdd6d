import type { Standing } from '../verdict.ts';
import { type Html, html } from './html.ts';

/** A sign beside a word, in the colour of its text: a tick, an exclamation mark, a cross. The word says the same. */
export function signOf(standing: Standing, className = ''): Html {
  return html`<svg class="${className}" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><use href="#sign-${standing}"/></svg>`;
}

/** What `signOf` refers to: once in a page. */
export const SIGNS = html`<svg width="0" height="0" style="position:absolute" aria-hidden="true" focusable="false"><defs>
<symbol id="sign-good" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10.5" fill="currentColor" fill-opacity=".16"/><path d="M7 12.4l3.4 3.4L17 9" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sign-warned" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10.5" fill="currentColor" fill-opacity=".16"/><path d="M12 6.8v6.4M12 16.6v.3" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/></symbol>
<symbol id="sign-bad" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10.5" fill="currentColor" fill-opacity=".16"/><path d="M8.4 8.4l7.2 7.2M15.6 8.4l-7.2 7.2" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"/></symbol>
</defs></svg>`;
