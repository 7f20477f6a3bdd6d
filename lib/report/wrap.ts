/**
 * `text` in lines of at most `width` characters, broken at blanks; each line begins with `indent`, the first with `first`.
 * A word that is longer than a line, such as a path, has one to itself.
 */
export function wrap(text: string, first: string, indent = first, width = 80): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const start = lines.length === 0 ? first : indent;
    if (line !== '' && start.length + line.length + 1 + word.length > width) {
      lines.push(start + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, (lines.length === 0 ? first : indent) + line].join('\n');
}
