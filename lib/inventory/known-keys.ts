import * as z from 'zod';
import { HostConfig } from '../model/inventory.ts';
import type { Steps } from './finding.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** Keys that the schema, that of a host if absent, knows at `steps`, of all forms that may stand there. */
export function keysAt(steps: Steps, config: z.ZodType = HostConfig): string[] {
  const top = [z.toJSONSchema(config, { io: 'input' }) as Schema];
  const forms = (schema: Schema): Schema[] => [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const there = steps.reduce<Schema[]>(
    (at, step) =>
      at
        .flatMap(forms)
        .flatMap((schema) => (typeof step === 'number' ? schema.items : schema.properties?.[step]) ?? []),
    top,
  );
  return there.flatMap(forms).flatMap((schema) => Object.keys(schema.properties ?? {}));
}

/** The known word that is at most a third of its letters away: Levenshtein's distance. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, far: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, far }) => far <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.far - b.far);
  return ranked[0]?.candidate;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_item, index) => index);
  for (const [i, letter] of [...a.slice(0, 64)].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      next.push(Math.min((row[j] ?? 0) + (letter === b[j] ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
