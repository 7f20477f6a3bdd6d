const QUOTED = /`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'/gs;

/**
 * Whether a table keeps its rows in the order of its primary key, whatever order they came in: then several connections
 * may load it, and it is dumped as it was. `structure` is its CREATE TABLE, as latin1.
 */
export function keepsKeyOrder(structure: string): boolean {
  const words = structure.replace(QUOTED, '``');
  return (
    /\n\) ENGINE=InnoDB\b/.test(words) &&
    /\n {2}PRIMARY KEY \(/.test(words) &&
    !/\bWITH SYSTEM VERSIONING\b|\bPERIOD FOR\b|\bPARTITION BY\b/.test(words)
  );
}
