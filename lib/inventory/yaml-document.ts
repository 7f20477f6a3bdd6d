import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { type InventoryFinding, renderSteps, type Steps } from './finding.ts';

/** A value of YAML: scalars, lists and maps. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
export type ValueMap = { readonly [key: string]: Value };

/** A YAML file as a value, and where in the file each part of it stands. */
export interface YamlFile {
  readonly file: string;
  /** Empty when the file is, or when it could not be read as a map. */
  readonly value: ValueMap;
  readonly findings: readonly InventoryFinding[];
  /** Place of the deepest part of `steps` that the file has, and how deep that is. */
  locate(steps: Steps): { readonly line: number; readonly column: number; readonly depth: number };
}

/**
 * Reads one YAML document that is a map with text keys. Anchors and aliases are findings, which leaves no room for
 * documents that grow as they are read; so are duplicate keys, tags, and keys without a value.
 */
export function parseYaml(file: string, text: string): YamlFile {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    stringKeys: true,
    merge: false,
    version: '1.2',
  });
  const at = (offset: number) => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const findings: InventoryFinding[] = [];
  const found = (offset: number, message: string, path = '') =>
    findings.push({ rule: 'yaml', file, ...at(offset), path, message });
  for (const { pos, code, message } of [...document.errors, ...document.warnings])
    found(pos[0], explain(code, message));
  refuseSharing(document, found);
  const usable = document.errors.length === 0 && findings.length === 0;
  const value = usable ? (document.toJS({ maxAliasCount: 0 }) as Value) : null;
  if (usable && value !== null && !isValueMap(value)) found(0, 'expected a map of keys and values');
  if (isValueMap(value))
    refuseEmpty(value, [], (steps) => found(offsetOf(document, steps).offset, EMPTY, renderSteps(steps)));
  return {
    file,
    value: isValueMap(value) ? value : {},
    findings,
    locate(steps) {
      const { offset, depth } = offsetOf(document, steps);
      return { ...at(offset), depth };
    },
  };
}

const EMPTY = 'it has no value: write one, or take the key away';

export function isValueMap(value: unknown): value is ValueMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function explain(code: string, message: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'this key stands here twice';
    case 'MULTIPLE_DOCS':
      return 'only one document may stand in a file';
    case 'NON_STRING_KEY':
      return 'a key must be text';
    case 'TAB_AS_INDENT':
      return 'a tab indents this line: use blanks';
    default:
      return `this is not YAML: ${message.split('\n')[0]?.slice(0, 200)}`;
  }
}

function refuseSharing(document: Document, found: (offset: number, message: string) => void): void {
  const message = 'anchors and aliases are not taken: write the value out, or move it to defaults.yaml';
  // The first one is enough: nothing of such a file is used.
  visit(document, {
    Node(_key, node) {
      if (!isAlias(node) && !('anchor' in node && node.anchor)) return undefined;
      found(node.range?.[0] ?? 0, message);
      return visit.BREAK;
    },
  });
}

function refuseEmpty(value: Value, steps: Steps, found: (steps: Steps) => void): void {
  if (value === null) found(steps);
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuseEmpty(item, [...steps, index], found);
  } else if (isValueMap(value)) {
    for (const [key, item] of Object.entries(value)) refuseEmpty(item, [...steps, key], found);
  }
}

function offsetOf(document: Document, steps: Steps): { offset: number; depth: number } {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const [depth, step] of steps.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (!pair) return { offset, depth };
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number' && node.items[step] !== undefined) {
      node = node.items[step];
      offset = (isNode(node) ? node.range?.[0] : undefined) ?? offset;
    } else return { offset, depth };
  }
  return { offset, depth: steps.length };
}
