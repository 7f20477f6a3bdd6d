import * as z from 'zod';
import { DatabaseName } from '../model/names.ts';
import type { Ask } from './client.ts';

/** A view of the database `from` names the database `to`, which has to be there when the view is made. */
export interface ViewReference {
  readonly from: DatabaseName;
  readonly to: DatabaseName;
}

/** The server stores a view's body with every name in full and in backticks. A string that looks so costs nothing but order. */
const REFERENCES = `
SELECT DISTINCT JSON_OBJECT('from', v.TABLE_SCHEMA COLLATE utf8mb3_bin, 'to', s.SCHEMA_NAME COLLATE utf8mb3_bin)
FROM information_schema.VIEWS v JOIN information_schema.SCHEMATA s
  ON LOCATE(CONCAT('\`', REPLACE(s.SCHEMA_NAME, '\`', '\`\`'), '\`.'), v.VIEW_DEFINITION) > 0
WHERE s.SCHEMA_NAME COLLATE utf8mb3_bin <> v.TABLE_SCHEMA COLLATE utf8mb3_bin`;

const Row = z.object({ from: DatabaseName, to: DatabaseName });

export async function readViewReferences(ask: Ask): Promise<readonly ViewReference[]> {
  return await ask(REFERENCES, Row);
}

/**
 * The names in an order in which they can be loaded one after another: what a view refers to comes before the view.
 * Otherwise the given order stays. Databases that refer to each other cannot be ordered, and stay as given, too.
 */
export function orderForLoading(
  names: readonly DatabaseName[],
  references: readonly ViewReference[],
): readonly DatabaseName[] {
  const known = new Set(names);
  const ordered = new Set<DatabaseName>();
  const visiting = new Set<DatabaseName>();
  const visit = (name: DatabaseName) => {
    if (visiting.has(name) || ordered.has(name)) return;
    visiting.add(name);
    const needed = references.filter(({ from, to }) => from === name && known.has(to));
    for (const other of names.filter((each) => needed.some(({ to }) => to === each))) visit(other);
    ordered.add(name);
  };
  for (const name of names) visit(name);
  return [...ordered];
}

/**
 * For each name of an order that can be loaded those that have to be loaded before it, whatever happens to the rest of
 * the order: what its views refer to. Of databases that refer to each other, the ones that the order has first.
 */
export function neededBefore(
  order: readonly DatabaseName[],
  references: readonly ViewReference[],
): ReadonlyMap<DatabaseName, readonly DatabaseName[]> {
  const places = new Map(order.map((name, place) => [name, place]));
  return new Map(
    order.map((name, place) => {
      const needed = references.filter(({ from, to }) => from === name && (places.get(to) ?? place) < place);
      return [name, needed.map(({ to }) => to)];
    }),
  );
}
