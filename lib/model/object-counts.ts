import { CoffreError } from './error.ts';

/** The kinds of objects that a dump has to hold. A view counts once; a package and its body are two routines. */
export const OBJECT_KINDS = ['tables', 'views', 'sequences', 'routines', 'triggers', 'events'] as const;

/** How many objects of each kind a database has, or a dump holds. */
export type ObjectCounts = Readonly<Record<(typeof OBJECT_KINDS)[number], number>>;

const MADE = 'something was made during the backup: let no schema change run then, and run it again';
const LEFT_OUT = "look at the account's privileges with SHOW GRANTS, and let no schema change run during the backup";

/**
 * Throws `dump-incomplete` when a dump does not hold exactly what the server has: a dump program that may not see
 * an object leaves it out and still ends well. One that holds more than there was is of a server that has changed.
 */
export function assertSameCounts(subject: string, expected: ObjectCounts, found: ObjectCounts): void {
  const differing = OBJECT_KINDS.filter((kind) => expected[kind] !== found[kind]);
  if (differing.length === 0) return;
  const more = differing.filter((kind) => found[kind] > expected[kind]);
  const sentences = differing.map((kind) =>
    more.includes(kind)
      ? `${found[kind]} ${kind} where there were ${expected[kind]}`
      : `${found[kind]} of ${expected[kind]} ${kind}`,
  );
  throw new CoffreError('dump-incomplete', `cannot accept the dump of ${subject}: it holds ${sentences.join(', ')}`, {
    hint: more.length > 0 ? MADE : LEFT_OUT,
    findings: sentences,
  });
}
