const NONE: ReadonlySet<number> = new Set();

/**
 * Rows as aligned columns, two spaces between them. Numbers in text form are the caller's; a cell never breaks a line.
 * The columns in `right`, counted from 0, are aligned to the right.
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = NONE,
): string {
  const all = [head, ...rows].map((row) => row.map(onOneLine));
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          right.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Text of foreign origin, such as a database's name, without anything that moves a terminal's cursor. */
export function onOneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
