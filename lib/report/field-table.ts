/** What of a JSON Schema a table of its fields is made from. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** More values than these are not told one by one. */
const TOLD_VALUES = 12;

/** Every field of the objects that `schema` describes, as a table in Markdown: its path, its type, what it means. */
export function fieldTable(schema: Schema): string {
  const cells = (row: readonly string[]) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rows = rowsOf(schema, '').map(({ path, type, meaning }) => cells([`\`${path}\``, type, meaning]));
  return ['| Field | Type | Meaning |', '|---|---|---|', ...rows].join('\n');
}

/**
 * `document` with the table of each kind between `<!-- fields:KIND -->` and `<!-- /fields -->`. Throws for a kind that the
 * schema does not define.
 */
export function withFieldTables(
  document: string,
  { $defs }: { readonly $defs: Readonly<Record<string, Schema>> },
): string {
  return document.replace(/(<!-- fields:([a-z-]+) -->\n)[\s\S]*?(<!-- \/fields -->)/g, (_, begin, kind, end) => {
    const schema = $defs[kind as string];
    if (!schema) throw new Error(`the schema of records defines no ${kind}`);
    return `${begin}${fieldTable(schema)}\n${end}`;
  });
}

interface Row {
  readonly path: string;
  readonly type: string;
  readonly meaning: string;
}

function rowsOf(schema: Schema, prefix: string): readonly Row[] {
  const shape = nonNull(schema)[0] ?? schema;
  if (shape.type === 'array' && shape.items) return rowsOf(shape.items, `${prefix}[]`);
  return Object.entries(shape.properties ?? {}).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const optional = (shape.required ?? []).includes(name) ? '' : ', optional';
    const meaning = field.description ?? '';
    return [{ path, type: `${typeOf(field)}${optional}`, meaning }, ...rowsOf(field, path)];
  });
}

function typeOf(field: Schema): string {
  const choices = [...(field.anyOf ?? []), ...(field.oneOf ?? [])];
  if (choices.length > 0) return choices.map(typeOf).join(' or ');
  if (field.const !== undefined) return code(field.const);
  if (field.enum) {
    return field.enum.length > TOLD_VALUES ? 'one of a list, see the schema' : field.enum.map(code).join(', ');
  }
  if (field.type === 'array') return `array of ${field.items ? plain(field.items) : 'anything'}`;
  return plain(field);
}

function plain(field: Schema): string {
  if (field.type === 'object' || field.properties) return 'object';
  if (field.type === 'integer') return `integer from ${field.minimum ?? 0}`;
  return field.const !== undefined || field.enum || field.anyOf || field.oneOf ? typeOf(field) : (field.type ?? 'any');
}

function nonNull({ anyOf, oneOf }: Schema): readonly Schema[] {
  return [...(anyOf ?? []), ...(oneOf ?? [])].filter(({ type }) => type !== 'null');
}

function code(value: unknown): string {
  return `\`${String(value)}\``;
}
