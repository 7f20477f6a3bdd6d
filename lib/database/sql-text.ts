/** An identifier as SQL, whatever characters it has. */
export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A string as SQL. Every connection of this room has an empty sql_mode, in which a backslash escapes. */
export function quoteString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
