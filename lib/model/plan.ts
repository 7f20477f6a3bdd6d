import * as z from 'zod';
import { ERRORS, type ErrorCode } from './error.ts';
import { HostName } from './names.ts';

/** What kinds of thing a host can have to have. */
export const RESOURCE_KINDS = [
  'package',
  'user',
  'folder',
  'file',
  'option-file',
  'key',
  'release',
  'account',
  'replication',
  'cron-entry',
  'timer',
] as const;

/**
 * One thing that provisioning would do to a host, as a person reads it. A value: the same one is printed by a dry run
 * and carried out by an apply. No line ever holds a secret, nor the hash of one.
 */
export const Change = z.strictObject({
  action: z.enum(['create', 'change', 'remove']),
  kind: z.enum(RESOURCE_KINDS),
  /** The path, the account, the package: unique together with `kind`. */
  name: z.string(),
  /** A diff: each line begins with `+`, `-` or a space. */
  lines: z.array(z.string()),
});
export type Change = z.infer<typeof Change>;

/** Something about a host that provisioning cannot mend, and that an operator should know. */
export const Remark = z.strictObject({
  text: z.string(),
  hint: z.string(),
  /** Where it keeps the backups from being whole: the code of the error that a backup would end with. */
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]).optional(),
  /** Nothing is amiss: something could be better. No drift. */
  advice: z.literal(true).optional(),
});
export type Remark = z.infer<typeof Remark>;

export const HostPlan = z.strictObject({
  host: HostName,
  changes: z.array(Change),
  remarks: z.array(Remark),
});
export type HostPlan = z.infer<typeof HostPlan>;

/**
 * One thing that a host has to have, or must not have any more: read actual → plan → apply → read again.
 *
 * `inspect` looks and changes nothing. It gives undefined when all is as it should be. It throws `refused` for what
 * must not be touched, such as an account that somebody else made. What another resource of the same plan is going to
 * make (a folder, a user) MAY be missing when `inspect` is called: that is no error.
 *
 * `apply` carries out what `inspect` just gave, durably, and can be killed at any point: the next inspect and apply
 * finish it. After it `inspect` gives undefined.
 */
export interface Resource {
  readonly kind: Change['kind'];
  readonly name: string;
  inspect(): Promise<Change | undefined>;
  apply(change: Change): Promise<void>;
}

/** `text` as lines of a diff, all with the same sign. */
export function diffLines(sign: '+' | '-' | ' ', text: string): string[] {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => `${sign}${line}`);
}
