import * as z from 'zod';

/** A host of the inventory. Safe as a file name, a Git path and an SSHSIG principal. */
export const HostName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/, 'a host name has lower-case letters, digits, dots and hyphens')
  .refine((name) => !name.includes('..'), 'a host name has no two dots in a row')
  .brand<'HostName'>();
export type HostName = z.infer<typeof HostName>;

/** A recipient: the name of a public key that may open backups, and of its file without `.pem`. */
export const RecipientName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'a recipient has lower-case letters, digits, hyphens and underscores')
  .brand<'RecipientName'>();
export type RecipientName = z.infer<typeof RecipientName>;

/** An offsite of one host. */
export const OffsiteName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'an offsite has lower-case letters, digits, hyphens and underscores')
  .brand<'OffsiteName'>();
export type OffsiteName = z.infer<typeof OffsiteName>;

/** A SHA-256 in lower-case hex. */
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'a SHA-256 is 64 lower-case hex digits')
  .brand<'Sha256'>();
export type Sha256 = z.infer<typeof Sha256>;

/** What is published in the place of the name of a database or a table, where these are confidential. */
export const HashedName = z
  .string()
  .regex(/^h-[0-9a-f]{32}$/, 'a hashed name is h- and 32 lower-case hex digits')
  .brand<'HashedName'>();
export type HashedName = z.infer<typeof HashedName>;

/** A database of the server, as the server spells it: 1 to 64 characters, none of them NUL. */
export const DatabaseName = z
  .string()
  .min(1)
  .max(256)
  .refine((name) => !name.includes('\0'), 'a database name has no NUL')
  .brand<'DatabaseName'>();
export type DatabaseName = z.infer<typeof DatabaseName>;
