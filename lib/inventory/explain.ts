import type * as z from 'zod';
import type { Steps } from './finding.ts';
import { keysAt, nearestOf } from './known-keys.ts';

/** What is wrong with a value, in a sentence, and where. Never shows the value: it could be a secret in a wrong place. */
export interface Explanation {
  readonly steps: Steps;
  readonly message: string;
  /** Whether something is not there, so that no line can show it. */
  readonly missing?: boolean;
}

type Issue = z.core.$ZodIssue;

/** The findings of the schema, that of a host if absent, in plain English, with the nearest known name beside an unknown one. */
export function explainIssues(issues: readonly Issue[], input: unknown, config?: z.ZodType): Explanation[] {
  return issues.flatMap((issue) => explainIssue(issue, input, [], config));
}

function explainIssue(issue: Issue, input: unknown, above: Steps, config?: z.ZodType): Explanation[] {
  const steps = [...above, ...(issue.path as Steps)];
  const here = (message: string): Explanation[] => [{ steps, message }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        steps: [...steps, key],
        message: unknownKey(key, keysAt(steps, config), steps),
      }));
    case 'invalid_union':
      return explainUnion(issue, input, steps);
    case 'invalid_type':
      if (valueAt(input, steps) === undefined) {
        return [{ steps, message: `it is missing: ${an(nameOfType(issue.expected))} is expected`, missing: true }];
      }
      return here(`expected ${an(nameOfType(issue.expected))}`);
    case 'invalid_value':
      return here(`expected ${oneOf(issue.values.map(String))}`);
    case 'too_small':
      if (issue.origin === 'string') return here('it is empty');
      return here(`expected at least ${issue.minimum}`);
    case 'too_big':
      return here(
        issue.origin === 'string'
          ? `it is longer than ${issue.maximum} characters`
          : `expected at most ${issue.maximum}`,
      );
    case 'invalid_format':
    case 'custom':
      return here(`it does not fit: ${issue.message}`);
    default:
      return here(issue.message);
  }
}

function explainUnion(issue: Extract<Issue, { code: 'invalid_union' }>, input: unknown, steps: Steps): Explanation[] {
  if (issue.errors.length === 0) {
    const known = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    const missing = valueAt(input, steps) === undefined;
    return [{ steps, message: `${missing ? 'it is missing: ' : ''}expected ${oneOf(known)}`, missing }];
  }
  const value = valueAt(input, steps);
  if (value === undefined) return [{ steps, message: 'it is missing: a map is expected', missing: true }];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [{ steps, message: 'expected a map' }];
  const [socket, address] = [Object.hasOwn(value, 'socket'), Object.hasOwn(value, 'address')];
  if (socket && address)
    return [{ steps, message: 'it has both a socket and an address: a server is reached by one of them' }];
  if (!socket && !address)
    return [
      {
        steps,
        message: 'it has neither a socket nor an address: write the one that reaches the server',
        missing: true,
      },
    ];
  const branch = issue.errors[socket ? 0 : 1] ?? [];
  return branch.flatMap((inner) => explainIssue(inner, input, steps));
}

function valueAt(input: unknown, steps: Steps): unknown {
  return steps.reduce<unknown>((at, step) => {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    return (at as Record<string | number, unknown>)[step];
  }, input);
}

function nameOfType(expected: string): string {
  const names: Record<string, string> = {
    object: 'map',
    record: 'map',
    array: 'list',
    string: 'text',
    int: 'whole number',
  };
  return names[expected] ?? expected;
}

function an(noun: string): string {
  return noun === 'text' ? noun : `a ${noun}`;
}

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? `"${words[0]}"` : `one of ${words.map((word) => `"${word}"`).join(', ')}`;
}

function unknownKey(key: string, known: readonly string[], steps: Steps): string {
  if (known.includes(key)) {
    return steps.at(-1) === 'database'
      ? 'it does not go with the keys beside it: a server has a socket, or an address and tls'
      : 'it does not go with the kind that stands beside it';
  }
  const near = nearestOf(key, known);
  return near === undefined ? 'there is no such key' : `there is no such key; did you mean ${near}?`;
}
