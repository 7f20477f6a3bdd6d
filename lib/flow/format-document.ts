import { GIT_ATTRIBUTES } from '../audit/git-attributes.ts';
import { jsonSchemas, RECORD_SCHEMA } from '../inventory/json-schema.ts';
import { ERRORS } from '../model/error.ts';
import { RECORD_VERSION } from '../model/record-parts.ts';
import { fieldTable, type Schema, withParts } from '../report/field-table.ts';

/** The document of the format of records, in the project. */
export const FORMAT_DOCUMENT = 'docs/manifest-format.md';

/** `document` with what the code knows of the format in the places that are marked for it: `npm run schema` writes it. */
export function formatDocument(document: string): string {
  const { $defs } = JSON.parse(jsonSchemas().get(RECORD_SCHEMA) ?? '') as { readonly $defs: Record<string, Schema> };
  const codes = Object.entries(ERRORS).map(([code, { summary }]) => `| \`${code}\` | ${summary} |`);
  return withParts(
    document,
    new Map([
      ['version', `The version is **${RECORD_VERSION}**.`],
      ['gitattributes', `\`\`\`gitattributes\n${GIT_ATTRIBUTES}\`\`\``],
      ['error-codes', ['| Code | Meaning |', '|---|---|', ...codes].join('\n')],
      ...Object.entries($defs).map(([kind, schema]) => [`fields-${kind}`, fieldTable(schema)] as const),
    ]),
  );
}
