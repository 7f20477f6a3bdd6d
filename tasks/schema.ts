import { FORMAT_DOCUMENT, formatDocument } from '../lib/flow/format-document.ts';
import { jsonSchemas } from '../lib/inventory/json-schema.ts';
import { readRequired, writeDurably } from '../lib/system/files.ts';

// Writes the JSON Schemas that editors and other programs read, and what the document of the format has of them: npm run schema
const at = (path: string) => new URL(`../${path}`, import.meta.url).pathname;
for (const [path, content] of jsonSchemas()) await writeDurably(at(path), content);
const document = at(FORMAT_DOCUMENT);
await writeDurably(document, formatDocument((await readRequired(document)).toString('utf8')));
