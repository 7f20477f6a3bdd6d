import * as z from 'zod';
import { DrillRecord } from '../model/drill-record.ts';
import { DrillerConfig } from '../model/driller-config.ts';
import { HostConfig } from '../model/inventory.ts';
import { Manifest } from '../model/manifest.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Every JSON Schema of the project: path in the project → content. `npm run schema` writes them. */
export function jsonSchemas(): ReadonlyMap<string, string> {
  const host = withoutRequired(toJson(z.toJSONSchema(HostConfig, { io: 'input' })));
  const titled = (title: string, description: string, schema: Json): string =>
    `${JSON.stringify({ ...(schema as object), title, description }, null, 2)}\n`;
  const partial = 'Nothing is required in this file alone: what is absent comes from the other one, or has a default.';
  return new Map([
    ['inventory/schema/host.schema.json', titled('A host of the inventory', `hosts/<host>.yaml. ${partial}`, host)],
    ['inventory/schema/defaults.schema.json', titled('What all hosts share', `defaults.yaml. ${partial}`, host)],
    [
      'inventory/schema/driller.schema.json',
      titled(
        'A machine that drills',
        `drillers/<name>.yaml. ${partial}`,
        withoutRequired(toJson(z.toJSONSchema(DrillerConfig, { io: 'input' }))),
      ),
    ],
    [
      'lib/model/drill-record.schema.json',
      titled(
        'A drill of coffre',
        'The signed record of one drill.',
        toJson(z.toJSONSchema(DrillRecord, { io: 'input' })),
      ),
    ],
    [
      'lib/model/manifest.schema.json',
      titled(
        'A manifest of coffre',
        'The signed record of one run.',
        toJson(z.toJSONSchema(Manifest, { io: 'input' })),
      ),
    ],
  ]);
}

function toJson(schema: unknown): Json {
  return JSON.parse(JSON.stringify(schema)) as Json;
}

/** Takes away what is required, except inside lists, which no merge completes. */
function withoutRequired(schema: Json): Json {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(withoutRequired);
  const entries = Object.entries(schema as { readonly [key: string]: Json });
  return Object.fromEntries(
    entries
      .filter(([key, value]) => !(key === 'required' && Array.isArray(value)))
      .map(([key, value]) => [key, key === 'items' ? value : withoutRequired(value)]),
  );
}
