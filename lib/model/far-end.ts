import * as z from 'zod';

/** What a look at an offsite from outside says about one condition that must hold there. */
export const FarEndCondition = z.strictObject({
  /** Which one, as a word. */
  check: z.string(),
  /** What should be so, for a person. */
  says: z.string(),
  /** `untried`: what it depends on failed before. */
  outcome: z.enum(['ok', 'failed', 'untried']),
  detail: z.string(),
  /** null unless it failed. */
  hint: z.string().nullable(),
});
export type FarEndCondition = z.infer<typeof FarEndCondition>;

/** What the contractor's server should have for one host. Every path is as root sees it over there. */
export interface ContractorSide {
  readonly user: string;
  /** The root of what the account can see; belongs to root. */
  readonly chroot: string;
  /** From the parent of the chroot down to the one above `folder`: they belong to root and nobody else writes there. */
  readonly rootFolders: readonly string[];
  /** The chroot and the inventory's path, one after the other: it belongs to the account, and the runs are in it. */
  readonly folder: string;
  /** The rules for sshd. */
  readonly rules: { readonly path: string; readonly content: string };
  /** The one line of this host in the account's keys; `tag` ends it, and no other host's line. */
  readonly keys: { readonly path: string; readonly line: string; readonly tag: string };
  /** For root to paste, in this order: before the two files are written, and after. */
  readonly commands: { readonly before: readonly string[]; readonly after: readonly string[] };
}

/** An offsite of a host: what its server should have, and what came of setting that up. */
export interface FarEnd {
  readonly offsite: string;
  readonly path: string;
  /** The key of the host that logs in there. */
  readonly identity: string;
  /** null while the host has no key for it, or where the server cannot be set up so. */
  readonly side: ContractorSide | null;
  /** Why there is no side; null where there is one. */
  readonly why: string | null;
  /** How it looks from the host; null when nobody has looked. */
  readonly conditions: readonly FarEndCondition[] | null;
}
