import { visible } from '../markdown.ts';

/** Markup that is safe to show: only `html` and `ownMarkup` make it. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | null | false | readonly Part[];

/**
 * A piece of a page. Whatever is put into it is text and stays text, in an attribute within quotes too; only other pieces
 * are taken as markup. What nobody would see, or what turns the direction of the text, is spelt out.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { markup: strings.map((text, n) => (n === 0 ? text : written(parts[n - 1]) + text)).join('') };
}

/** Markup that was made here, such as a chart or the style: never a text from elsewhere. */
export function ownMarkup(markup: string): Html {
  return { markup };
}

function written(part: Part | undefined): string {
  if (part === null || part === undefined || part === false) return '';
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escaped(part);
  return 'markup' in part ? part.markup : part.map(written).join('');
}

function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
