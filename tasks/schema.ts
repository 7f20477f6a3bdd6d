import { jsonSchemas } from '../lib/inventory/json-schema.ts';
import { writeDurably } from '../lib/system/files.ts';

// Writes the JSON Schemas that editors and other programs read: npm run schema
for (const [path, content] of jsonSchemas()) {
  await writeDurably(new URL(`../${path}`, import.meta.url).pathname, content);
}
