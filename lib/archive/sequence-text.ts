/**
 * The SQL of a sequence as every server writes it: under `sql_quote_show_create = 0` the dump program, which sees to that for
 * tables, leaves the quotes around the name of a sequence away.
 */
export function canonicalSequence(sql: Buffer): Buffer {
  const text = sql.toString('latin1');
  const quoted = text.replace(/^CREATE SEQUENCE (?!`)(\S+) /m, 'CREATE SEQUENCE `$1` ');
  return quoted === text ? sql : Buffer.from(quoted, 'latin1');
}
