import { type ObjectContent, readObjectContents } from '../archive/object-contents.ts';
import type { Piece } from '../archive/piece.ts';
import { quoteIdentifier } from '../database/sql-text.ts';

type Objects = ReadonlyMap<string, ObjectContent>;

export interface Explained {
  /** A sentence for each object that is missing or was not there, or has more or fewer rows. */
  readonly differences: readonly string[];
  /** A sentence for each that is made by another statement, or has as many rows and other ones, as they are written. */
  readonly otherwiseWritten: readonly string[];
  /** Whether anything is there that was not expected: somebody else may have made it. */
  readonly hasStrangers: boolean;
  readonly tables: number;
  readonly rows: number;
}

/** Reads what was expected and what was found for their objects, and says of each how it differs. */
export async function explainDifferences(
  expected: AsyncIterable<Piece>,
  found: AsyncIterable<Piece>,
): Promise<Explained> {
  const [wanted, present] = await Promise.all([readObjectContents(expected), readObjectContents(found)]);
  const pairs = [...wanted].flatMap(([key, each]) => {
    const other = present.get(key);
    return other ? [[each, other] as const] : [];
  });
  const tables = [...wanted.values()].filter(({ kind }) => kind === 'table');
  return {
    differences: [...missing(wanted, present), ...pairs.flatMap(([each, other]) => otherCount(each, other))],
    otherwiseWritten: pairs.flatMap(([each, other]) => otherwise(each, other)),
    hasStrangers: [...present.keys()].some((key) => !wanted.has(key)),
    tables: tables.length,
    rows: tables.reduce((sum, { rows }) => sum + (rows ?? 0), 0),
  };
}

function missing(wanted: Objects, present: Objects): readonly string[] {
  const gone = [...wanted].filter(([key]) => !present.has(key)).map(([, each]) => `${named(each)} is missing`);
  const added = [...present]
    .filter(([key]) => !wanted.has(key))
    .map(([, each]) => `${named(each)} was not in the backup`);
  return [...gone, ...added];
}

function otherCount(wanted: ObjectContent, found: ObjectContent): readonly string[] {
  if (wanted.rows === null || found.rows === null || wanted.rows === found.rows) return [];
  const more = found.rows - wanted.rows;
  const count = `${Math.abs(more)} ${Math.abs(more) === 1 ? 'row' : 'rows'} ${more < 0 ? 'fewer' : 'more'}`;
  return [`${named(wanted)} has ${count} than in the backup: ${found.rows} and not ${wanted.rows}`];
}

function otherwise(wanted: ObjectContent, found: ObjectContent): readonly string[] {
  const made = wanted.definition === found.definition ? [] : [`${named(wanted)} is made in another way`];
  if (wanted.rowsDigest === found.rowsDigest || wanted.rows !== found.rows) return made;
  const many = wanted.rows === null ? '' : ` has as many rows as in the backup, ${wanted.rows}, and`;
  return [...made, `${named(wanted)}${many} ${many === '' ? 'has other rows' : 'some of them differ'}`];
}

function named({ kind, name }: ObjectContent): string {
  return `the ${kind} ${quoteIdentifier(name)}`;
}
