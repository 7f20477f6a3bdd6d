import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

interface Exchange {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  readonly request: unknown;
  readonly response: unknown;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

/** Excerpts, each whole in itself. */
const NAMES = ['github-rest.json', 'github-rest-issues.json', 'github-git-data.json'];
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
const descriptions = NAMES.map((name) => {
  const description = JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'), withNull) as Description;
  ajv.addSchema(description, name);
  return { name, description };
});
const validators = new Map<string, ValidateFunction>();

/**
 * Throws unless GitHub's own description of its REST API knows this request and this answer to it: the operation, the
 * status, and the shape of both bodies.
 */
export function assertDocumented({ method, path, status, request, response }: Exchange): void {
  for (const { name, description } of descriptions) {
    const route = Object.keys(description.paths).find((each) => matches(each, path));
    if (route === undefined || description.paths[route]?.[method.toLowerCase()] === undefined) continue;
    const pointer = `/paths/${escapePointer(route)}/${method.toLowerCase()}`;
    if (request !== undefined) assertFits(`${name}#${pointer}/requestBody`, request);
    assertFits(`${name}#${follow(description, `${pointer}/responses/${status}`)}`, response);
    return;
  }
  throw new Error(`GitHub does not document ${method} ${path}`);
}

function assertFits(pointer: string, value: unknown): void {
  const validate = validators.get(pointer) ?? ajv.compile({ $ref: `${pointer}/content/application~1json/schema` });
  validators.set(pointer, validate);
  if (!validate(value)) throw new Error(`not as GitHub documents it: ${ajv.errorsText(validate.errors)}`);
}

/** The pointer itself, or the one that stands there as a reference. */
function follow(description: Description, pointer: string): string {
  let found: unknown = description;
  for (const step of decodeURIComponent(pointer).slice(1).split('/')) {
    found = (found as Readonly<Record<string, unknown>>)?.[step.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  if (found === undefined) throw new Error(`GitHub does not document ${pointer}`);
  const { $ref } = found as { readonly $ref?: string };
  return $ref?.slice(1) ?? pointer;
}

/** Ajv knows OpenAPI's `nullable` beside a type only, and not beside alternatives. */
function withNull(_key: string, value: unknown): unknown {
  const { nullable, type, ...schema } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (nullable !== true || type !== undefined) return value;
  const alternatives = ['oneOf', 'anyOf'].filter((word) => Array.isArray(schema[word]));
  return {
    ...schema,
    ...Object.fromEntries(alternatives.map((word) => [word, [...(schema[word] as object[]), { type: 'null' }]])),
  };
}

function matches(route: string, path: string): boolean {
  const [steps, words] = [route.split('/'), path.split('/')];
  return steps.length === words.length && steps.every((step, index) => step.startsWith('{') || step === words[index]);
}

function escapePointer(step: string): string {
  return encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'));
}
