import { readFileSync } from 'node:fs';
import t from 'tap';
import { jsonSchemas } from '../../lib/inventory/json-schema.ts';

t.test('the JSON Schemas in the repository are those of the code: npm run schema', async (t) => {
  for (const [path, content] of jsonSchemas()) {
    t.equal(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'), content, path);
  }
});

t.test('every field of every schema says what it means', async (t) => {
  const walk = (value: unknown, path: string): string[] => {
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, part]) => {
      const fields = key === 'properties' ? Object.entries(part as Record<string, { description?: string }>) : [];
      const mute = fields.filter(([, field]) => !field.description).map(([name]) => `${path}.${name}`);
      return [...mute, ...walk(part, `${path}.${key}`)];
    });
  };
  for (const [path, content] of jsonSchemas()) t.strictSame(walk(JSON.parse(content), ''), [], path);
});

t.test('nothing is required of an inventory file alone, except inside lists', async (t) => {
  const host = JSON.parse(jsonSchemas().get('inventory/schema/host.schema.json') ?? '') as {
    required?: string[];
    properties: {
      ssh: { required?: string[] };
      offsite: { items: { oneOf?: { required: string[] }[]; anyOf?: { required: string[] }[] } };
    };
  };
  t.equal(host.required, undefined);
  t.equal(host.properties.ssh.required, undefined);
  const { items } = host.properties.offsite;
  t.ok((items.oneOf ?? items.anyOf)?.[0]?.required.includes('hostKey'));
});
