/** The number has no snapshot: it grows while others write. The server leaves it out while it is 1. */
const ENGINE = /\n\) ENGINE=\w+(?: AUTO_INCREMENT=\d+)?/;

/**
 * What stands behind `structure` in the section of the same table from another dump, all as latin1; null when the
 * table is another one there. Only the next number of AUTO_INCREMENT may differ.
 */
export function afterStructure(section: string, structure: string): string | null {
  const [found, wanted] = [splitAtNumber(section), splitAtNumber(structure)];
  if (found.before !== wanted.before || !found.after.startsWith(wanted.after)) return null;
  return found.after.slice(wanted.after.length);
}

/** Whether a table's section says that it is of InnoDB, all rows of which mariadb-dump dumps unless it is told not to. */
export function isInnoDb(section: string): boolean {
  return /\n\) ENGINE=InnoDB\b/.test(section);
}

function splitAtNumber(text: string): { readonly before: string; readonly after: string } {
  const found = ENGINE.exec(text);
  if (!found) return { before: text, after: '' };
  const [words] = found;
  const before = text.slice(0, found.index) + words.replace(/ AUTO_INCREMENT=\d+$/, '');
  return { before, after: text.slice(found.index + words.length) };
}
