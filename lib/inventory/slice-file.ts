import type * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { readRequired } from '../system/files.ts';
import { parseYaml } from './yaml-document.ts';

/** How the file of a slice begins on its machine. */
export function sliceHeader(whose: string): string {
  return `# This ${whose}'s slice of the inventory. Provisioning wrote it, and writes it again: change the inventory instead.\n`;
}

/** A slice as provisioning wrote it to its machine. Throws `inventory` when it was altered, with `hint` as the way back. */
export async function readSliceFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  hint: string,
): Promise<z.infer<Schema>> {
  const { value, findings } = parseYaml(path, (await readRequired(path, hint)).toString('utf8'));
  const parsed = schema.safeParse(value);
  if (findings.length === 0 && parsed.success) return parsed.data;
  const [issue] = parsed.error?.issues ?? [];
  const why = findings[0]?.message ?? `${issue?.path.join('.')}: ${issue?.message}`;
  throw new CoffreError('inventory', `cannot use ${path}: ${why}`, { hint });
}
