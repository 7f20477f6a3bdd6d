import { jsonSchemas, RECORD_SCHEMA } from '../lib/inventory/json-schema.ts';
import { withFieldTables } from '../lib/report/field-table.ts';
import { readRequired, writeDurably } from '../lib/system/files.ts';

// Writes the JSON Schemas that editors and other programs read, and the tables of fields in the document: npm run schema
const at = (path: string) => new URL(`../${path}`, import.meta.url).pathname;
const schemas = jsonSchemas();
for (const [path, content] of schemas) await writeDurably(at(path), content);
const document = at('docs/manifest-format.md');
const text = (await readRequired(document)).toString('utf8');
await writeDurably(document, withFieldTables(text, JSON.parse(schemas.get(RECORD_SCHEMA) ?? '')));
