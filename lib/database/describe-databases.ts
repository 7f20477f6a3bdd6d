import type { DatabaseName } from '../model/names.ts';
import { quoteIdentifier } from './sql-text.ts';

/** Databases, for a sentence: one or two by name, of more the first. */
export function describeDatabases(databases: readonly DatabaseName[]): string {
  const [first, ...others] = databases.map(quoteIdentifier);
  if (others.length === 0) return `the database ${first}`;
  return `the databases ${first} and ${others.length === 1 ? others[0] : `${others.length} more`}`;
}
