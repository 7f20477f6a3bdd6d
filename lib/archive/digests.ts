import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { Sha256 } from '../model/names.ts';
import { OBJECT_KINDS } from '../model/object-counts.ts';

/** Name of an archive's last member. */
export const DIGESTS_MEMBER = 'digests.sql';

const Count = z.int().min(0);

const SectionDigest = z.strictObject({
  kind: z.enum([
    'preamble',
    'table',
    'sequence',
    'view-placeholder',
    'events',
    'routines',
    'view',
    'trailer',
    'database',
    'public-grants',
    'rows',
    'triggers',
    'switch',
  ]),
  name: z.string().nullable(),
  /** Of `rows`: the number of the lane. */
  lane: z.int().min(1).optional(),
  /** Of `rows`: the condition with which the lane was dumped, null for none. The digest of another dump with it is the same. */
  where: z.string().nullable().optional(),
  sha256: Sha256,
  bytes: Count,
  /** The first and the last member that hold a part of it. */
  members: z.tuple([z.int().min(1), z.int().min(1)]),
});
export type SectionDigest = z.infer<typeof SectionDigest>;

const Totals = z.strictObject({
  format: z.literal('coffre digests 1'),
  sections: Count,
  bytes: Count,
  largestStatementBytes: Count,
  counts: z.strictObject(
    Object.fromEntries(OBJECT_KINDS.map((kind) => [kind, Count])) as Record<ObjectKind, typeof Count>,
  ),
});
type ObjectKind = (typeof OBJECT_KINDS)[number];

/** What a dump holds, section by section. */
export interface ArchiveDigests extends Omit<z.infer<typeof Totals>, 'format' | 'sections'> {
  readonly sections: readonly SectionDigest[];
}

/**
 * The member as text: SQL comments only, because `tar xzOf shop.tar.gz | mariadb` hands it to the client too. One
 * JSON object a line; the last one holds the totals. JSON escapes every newline in a name.
 */
export function encodeDigests({ sections, ...totals }: ArchiveDigests): Buffer {
  const lines = [...sections, { format: 'coffre digests 1', sections: sections.length, ...totals }];
  return Buffer.from(lines.map((line) => `-- ${JSON.stringify(line)}\n`).join(''));
}

/** The mirror of `encodeDigests`. Throws `verification-failed`. */
export function parseDigests(bytes: Buffer): ArchiveDigests {
  try {
    const lines = bytes.toString('utf8').split('\n');
    if (lines.pop() !== '') throw new Error('the last line has no end');
    const values: unknown[] = lines.map((line) => JSON.parse(line.replace(/^-- /, '')));
    const { format: _, sections: count, ...totals } = Totals.parse(values.pop());
    const sections = z.array(SectionDigest).parse(values);
    if (sections.length !== count) throw new Error('lines are missing');
    return { sections, ...totals };
  } catch (cause) {
    throw new CoffreError('verification-failed', `cannot read ${DIGESTS_MEMBER} of the archive: it is damaged`, {
      hint: 'take another copy of this run: npx zx tasks/list.ts',
      cause,
    });
  }
}
