import type { Standing } from '../verdict.ts';

const COLOURS: Readonly<Record<Standing, string>> = { good: '176b4c', warned: '855600', bad: 'b0281f' };
const SIGNS: Readonly<Record<Standing, string>> = {
  good: 'M10 16.5l4.2 4.2L22 12',
  warned: 'M16 9v9M16 22.6v.4',
  bad: 'M11 11l10 10M21 11L11 21',
};

/** The sign of a tab: the verdict, in the address itself, so that no browser asks a server for one. */
export function favicon(standing: Standing): string {
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#${COLOURS[standing]}"/><path d="${SIGNS[standing]}" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawing)}`;
}
