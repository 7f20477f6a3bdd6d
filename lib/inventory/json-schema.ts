import * as z from 'zod';
import { Acknowledged } from '../model/acknowledgement.ts';
import { DrillerConfig } from '../model/driller-config.ts';
import { HostConfig } from '../model/inventory.ts';
import { AuditRecord } from '../model/record.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Path in the project of the schema of every record that is published. */
export const RECORD_SCHEMA = 'lib/model/record.schema.json';

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
      'inventory/schema/acknowledged.schema.json',
      titled(
        'Findings that are acknowledged',
        'acknowledged.yaml',
        toJson(z.toJSONSchema(Acknowledged, { io: 'input' })),
      ),
    ],
    [
      RECORD_SCHEMA,
      titled('A record of coffre', 'Any record that is signed and published, by its kind.', recordSchema()),
    ],
  ]);
}

/** One definition a kind, so that a reader finds each of them under its name. */
function recordSchema(): Json {
  const kinds = AuditRecord.options.map((option) => {
    const { $schema, ...schema } = toJson(z.toJSONSchema(option, { io: 'input' })) as { readonly [key: string]: Json };
    return { kind: [...option.shape.kind.values][0] ?? '', $schema: $schema ?? null, schema };
  });
  return {
    $schema: kinds[0]?.$schema ?? null,
    oneOf: kinds.map(({ kind }) => ({ $ref: `#/$defs/${kind}` })),
    $defs: Object.fromEntries(kinds.map(({ kind, schema }) => [kind, schema])),
  };
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
