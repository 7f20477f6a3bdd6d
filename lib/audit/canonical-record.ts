import canonicalize from 'canonicalize';
import type * as z from 'zod';
import { CoffreError } from '../model/error.ts';

/** The largest record that is read: a manifest of some two thousand databases. */
export const RECORD_LIMIT_BYTES = 1024 * 1024;
const DEPTH_LIMIT = 16;

/** A kind of record that is signed: its schema, in the version that is written now. */
export interface RecordForm<Body> {
  /** As in "cannot read the manifest". */
  readonly noun: string;
  readonly schema: z.ZodType<Body>;
  readonly version: string;
  readonly hint: string;
}

/** The one byte sequence that stands for `body`: canonical JSON by RFC 8785, UTF-8, no line end. */
export function encodeRecord<Body>({ noun, schema }: RecordForm<Body>, body: Body): Buffer {
  const checked = schema.safeParse(body);
  if (!checked.success) {
    throw new CoffreError('unexpected', `cannot encode the ${noun}: ${sentence(checked.error.issues)}`);
  }
  const bytes = canonicalBytes(checked.data);
  if (bytes.length > RECORD_LIMIT_BYTES) {
    throw new CoffreError('unexpected', `cannot encode the ${noun}: it is larger than a mebibyte`);
  }
  return bytes;
}

/**
 * Reads what `encodeRecord` wrote, and nothing else: the bytes must be their own canonical form, which leaves no
 * room for duplicate keys, other spellings or anything between the fields. Of a newer minor version, fields that it has
 * added are left out of the value, and a code of an error that it has added is read as `unexpected`. Throws
 * `verification-failed`.
 */
export function parseRecord<Body>(form: RecordForm<Body>, bytes: Uint8Array): Body {
  const refuse = (cause: string, hint = form.hint) =>
    new CoffreError('verification-failed', `cannot read the ${form.noun}: ${cause}`, { hint });
  if (bytes.length > RECORD_LIMIT_BYTES) throw refuse('it is larger than a mebibyte');
  const text = decode(bytes);
  if (text === undefined) throw refuse('it is not UTF-8');
  if (depthOf(text) > DEPTH_LIMIT) throw refuse(`it is nested deeper than ${DEPTH_LIMIT} levels`);
  const value = parseJson(text);
  if (value === undefined) throw refuse('it is not JSON');
  const major = majorOf(value);
  if (major === undefined) throw refuse('it names no version');
  const known = majorOf(form) ?? 0;
  if (major !== known) {
    const { version } = value as { readonly version: string };
    const [who, hint] =
      major > known ? ['a newer coffre', 'read it with that coffre: git pull'] : ['no coffre', undefined];
    throw refuse(`it was written by ${who}: version ${version}; this one reads ${known}.x`, hint);
  }
  const checked = parseTolerantly(form, value);
  if (!checked.success) throw refuse(sentence(checked.error.issues));
  if (!isCanonical(value, bytes, text)) throw refuse('its bytes are not in canonical form (RFC 8785)');
  return checked.data;
}

/**
 * The kind that the bytes claim to be of, when they are small and flat enough to be looked at, and JSON. Nothing of them is
 * checked yet.
 */
export function claimedKind(bytes: Uint8Array): string | undefined {
  if (bytes.length > RECORD_LIMIT_BYTES) return undefined;
  const text = decode(bytes);
  if (text === undefined || depthOf(text) > DEPTH_LIMIT) return undefined;
  const kind = (parseJson(text) as { readonly kind?: unknown } | null | undefined)?.kind;
  return typeof kind === 'string' ? kind : undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The deepest nesting of arrays and objects. Counted before parsing, so that depth never becomes recursion. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (quoted && character === '\\') index += 1;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth -= 1;
  }
  return deepest;
}

function majorOf(value: unknown): number | undefined {
  const version = (value as { version?: unknown } | null)?.version;
  const match = typeof version === 'string' ? /^(0|[1-9]\d{0,5})\.(?:0|[1-9]\d{0,5})$/.exec(version) : null;
  return match ? Number(match[1]) : undefined;
}

/** As the schema says; what a newer minor version may have brought is taken away first. */
function parseTolerantly<Body>(form: RecordForm<Body>, value: unknown): z.ZodSafeParseResult<Body> {
  const first = form.schema.safeParse(value);
  if (first.success || !isNewerMinor(value, form)) return first;
  const pruned = structuredClone(value);
  for (const issue of first.error.issues) {
    const at = (path: readonly PropertyKey[]) =>
      path.reduce<unknown>((value, step) => (value as Record<PropertyKey, unknown>)[step], pruned);
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) Reflect.deleteProperty(at(issue.path) as object, key);
    } else if (issue.code === 'invalid_value' && isErrorCode(issue.path, at(issue.path))) {
      Object.assign(at(issue.path.slice(0, -1)) as object, { [String(issue.path.at(-1))]: 'unexpected' });
    }
  }
  return form.schema.safeParse(pruned);
}

/** The one enumeration to which minor versions add: it stands in fields named `code`, or `error` where there is nothing else. */
function isErrorCode(path: readonly PropertyKey[], value: unknown): boolean {
  const name = path.at(-1);
  return (name === 'code' || name === 'error') && typeof value === 'string' && /^[a-z]+(-[a-z]+)*$/.test(value);
}

function isNewerMinor(value: unknown, known: { readonly version: string }): boolean {
  const minor = (version: string) => Number(version.split('.')[1]);
  return minor((value as { version: string }).version) > minor(known.version);
}

function isCanonical(value: unknown, bytes: Uint8Array, text: string): boolean {
  // Canonical JSON is what JSON.stringify writes of objects whose keys are in order, but for half a pair of surrogates.
  if (!text.includes('\\ud') && isInOrder(value) && JSON.stringify(value) === text) return true;
  try {
    return canonicalBytes(value).equals(bytes);
  } catch {
    return false; // a lone surrogate has no canonical form
  }
}

function isInOrder(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isInOrder);
  let before = '';
  for (const [index, key] of Object.keys(value).entries()) {
    if (index > 0 && key <= before) return false;
    before = key;
  }
  return Object.values(value).every(isInOrder);
}

function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(canonicalize(value) ?? '', 'utf8');
}

/** Names the first thing that does not fit, by its place alone: the value could be anything. */
function sentence(issues: readonly z.core.$ZodIssue[]): string {
  const [issue] = issues;
  if (!issue) return 'it does not fit its schema';
  const place = issue.path.length === 0 ? 'it' : `its field ${issue.path.join('.')}`;
  return issue.code === 'unrecognized_keys'
    ? `${place} has ${issue.keys.length} unknown ${issue.keys.length === 1 ? 'field' : 'fields'}`
    : `${place} does not fit the schema`;
}
