import { CoffreError } from './error.ts';

/** The kinds of objects that a dump has to hold. A view counts once; a package and its body are two routines. */
export const OBJECT_KINDS = ['tables', 'views', 'sequences', 'routines', 'triggers', 'events'] as const;

/** How many objects of each kind a database has, or a dump holds. */
export type ObjectCounts = Readonly<Record<(typeof OBJECT_KINDS)[number], number>>;

/**
 * Throws `dump-incomplete` when a dump does not hold exactly what the server has: a dump program that may not see
 * an object leaves it out and still ends well.
 */
export function assertSameCounts(subject: string, expected: ObjectCounts, found: ObjectCounts): void {
  const differing = OBJECT_KINDS.filter((kind) => expected[kind] !== found[kind]);
  if (differing.length === 0) return;
  const sentences = differing.map((kind) => `${found[kind]} of ${expected[kind]} ${kind}`);
  throw new CoffreError('dump-incomplete', `cannot accept the dump of ${subject}: it holds ${sentences.join(', ')}`, {
    hint: "look at the account's privileges with SHOW GRANTS, and let no schema change run during the backup",
    findings: sentences,
  });
}
