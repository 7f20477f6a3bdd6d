import type * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { readRequired } from '../system/files.ts';

/** What the file is, in the words of an error: "cannot read the plans in x: its last line is not the result of a dry run". */
interface Expected {
  readonly what: string;
  readonly of: string;
  readonly hint: string;
}

/**
 * The result in a file that holds what a task has written with `--json`: the last line. Throws `usage` when that is
 * something else, as after a run that was killed.
 */
export async function readResult<T>(path: string, schema: z.ZodType<T>, { what, of, hint }: Expected): Promise<T> {
  const last = (await readRequired(path, hint)).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
  const parsed = schema.safeParse(parseJson(last));
  if (parsed.success) return parsed.data;
  throw new CoffreError('usage', `cannot read ${what} in ${path}: its last line is not the result of ${of}`, { hint });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
