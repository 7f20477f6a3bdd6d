/**
 * Text of foreign origin in GitHub's Markdown. Whatever it holds, it stays text: no HTML, no link, no mention, no end
 * of the block that it stands in. Characters that a reader would not see, or that turn the direction of the text, are
 * spelt out.
 */

/** `text` in one line of a paragraph or in the cell of a table. */
export function inlineCode(text: string): string {
  // Entities, because within raw <code> Markdown is still read; <code> itself, because in it nobody is mentioned.
  const encoded = visible(text).replace(/[^A-Za-z0-9 ,]/gu, (character) => `&#${character.codePointAt(0)};`);
  return `<code>${encoded}</code>`;
}

/** `lines` as a block of code. The fence is longer than any row of backticks inside, so that none of them ends it. */
export function codeBlock(language: 'diff' | 'text', lines: readonly string[]): string {
  const content = lines.map(visible);
  const longest = content
    .flatMap((line) => line.match(/`+/g) ?? [])
    .reduce((most, row) => Math.max(most, row.length), 2);
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, ...content, fence].join('\n');
}

/** `text` in one line, with what is no visible character as `\u{…}`. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
