import type { Standing } from '../verdict.ts';
import { type Html, html } from './html.ts';
import { signOf } from './icons.ts';

const WORDS: Readonly<Record<Standing, string>> = {
  good: 'Recoverable',
  warned: 'With a warning',
  bad: 'Needs attention',
};

/** How a host stands, in a word. */
export function pillOf(standing: Standing): Html {
  return html`<span class="pill ${standing}">${signOf(standing)}${WORDS[standing]}</span>`;
}
