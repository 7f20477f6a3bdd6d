/** Statements that wait for a lock, by how they begin, and what each is there for: completes "cannot". */
const PURPOSES: readonly (readonly [RegExp, string])[] = [
  [/^BACKUP STAGE BLOCK_COMMIT\b/, 'hold back commits for a moment'],
  [/^FLUSH TABLES WITH READ LOCK\b/, 'hold back commits for a moment'],
  [/^BACKUP STAGE (?:START|FLUSH|BLOCK_DDL)\b/, 'hold back changes of tables for a moment'],
  [/^FLUSH TABLES\b/, 'hold back writers of the tables without transactions'],
];

/** What a statement of our own is to hold back, with the statement; undefined for one that waits for no lock. */
export function describeLock(sql: string): string | undefined {
  for (const [beginning, purpose] of PURPOSES) {
    const [statement] = beginning.exec(sql) ?? [];
    if (statement !== undefined) return `${purpose} (${statement})`;
  }
  return undefined;
}
