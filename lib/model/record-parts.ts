import * as z from 'zod';
import { ERRORS, type ErrorCode } from './error.ts';
import { HostName, Sha256 } from './names.ts';

/* What the fields of records look like, whichever their kind. */

/**
 * The version of the one schema of all records. A minor version may add fields, kinds of record and codes of errors, and
 * nothing else: a reader takes newer minors and refuses newer majors.
 */
export const RECORD_VERSION = '1.4';

export const Bytes = z.int().min(0);
export const Count = z.int().min(0);
export const DurationMs = z.int().min(0);
export const FileName = z
  .string()
  .regex(/^[A-Za-z0-9@%_~-][A-Za-z0-9@%._~-]{0,250}$/)
  .describe("Name of a file in the run's folder");
export const Instant = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC, milliseconds');
export const Version = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 .:+~_()-]{0,127}$/)
  .describe('A version as the program prints it');

/** Why something failed. A reader takes a code that it does not know for `unexpected`. */
export const ErrorCodeField = z
  .enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])
  .describe('Code of the error, from the one table of errors; its message stays on the host');

/** The fields by which any record has its place in a chain. */
export const HEADER_FIELDS = {
  version: z
    .string()
    .regex(/^\d+\.\d+$/)
    .describe('Version of this schema: major.minor'),
  host: HostName.describe('The host that this is about'),
  sequence: z.int().min(1).describe("Place in the host's chain, from 1 on, without gaps"),
  previous: Sha256.nullable().describe('SHA-256 of the record before this one in the chain; null for the first'),
  startedAt: Instant.describe('When it began: RFC 3339, UTC, milliseconds'),
  finishedAt: Instant.describe('When it was signed: RFC 3339, UTC, milliseconds'),
};

export const SoftwareFields = {
  coffre: Version.describe('Version of the software that wrote this'),
  node: Version.describe('Version of the Node that ran it'),
};

export const TableName = z
  .string()
  .min(1)
  .max(256)
  .refine((name) => !name.includes('\0'), 'a table name has no NUL');
