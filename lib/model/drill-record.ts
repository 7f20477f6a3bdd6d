import * as z from 'zod';
import { ERRORS, type ErrorCode } from './error.ts';
import { Instant, Version } from './manifest.ts';
import { HostName, OffsiteName, Sha256 } from './names.ts';
import { RunId } from './run-id.ts';

/*
 * The signed record of a drill. An allow-list like the manifest: no field takes free text, and what is not a field here
 * cannot be published. It names no database: the manifest of the run does, and `manifest` says which one that is.
 */

/** The version of this schema. A reader takes newer minors and refuses other majors. */
export const DRILL_VERSION = '1.0';

const Bytes = z.int().min(0);
const Count = z.int().min(0);
const DurationMs = z.int().min(0);

/** `find`: the newest run and its manifest; `prepare`: the throwaway server; `restore`: verify, load and compare. */
export const DRILL_PHASES = ['find', 'prepare', 'restore'] as const;
export type DrillPhase = (typeof DRILL_PHASES)[number];

export const DrillProof = z
  .strictObject({
    databases: Count.describe('Databases whose content is that which was sealed with them'),
    tables: Count,
    sealedBytes: Bytes.describe('Ciphertext of the run'),
    plainBytes: Bytes.describe('SQL that was loaded'),
    recoveryMs: DurationMs.describe('From the first look at the copy until everything was loaded and compared'),
  })
  .describe('What was shown, and how long it took');
export type DrillProof = z.infer<typeof DrillProof>;

const ErrorCodes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export const DrillRecord = z
  .strictObject({
    version: z
      .string()
      .regex(/^\d+\.\d+$/)
      .describe('Version of this schema: major.minor'),
    kind: z.literal('drill'),
    driller: HostName.describe('The machine that drilled, whose key has signed this'),
    host: HostName.describe('Whose run was restored'),
    drill: RunId.describe('The drill, named by its UTC start as a run is'),
    sequence: z.int().min(1).describe('Place in the chain of this driller and host, from 1 on, without gaps'),
    previous: Sha256.nullable().describe('SHA-256 of the record before this one; null for the first'),
    outcome: z.enum(['succeeded', 'failed']),
    startedAt: Instant,
    finishedAt: Instant,
    source: z.strictObject({
      kind: z.enum(['store', 'export', 'offsite']),
      offsite: OffsiteName.nullable().describe('null unless kind is offsite'),
    }),
    run: RunId.nullable().describe('The newest run of the source; null where none could be found'),
    manifest: Sha256.nullable().describe('SHA-256 of the manifest of the run; null where none was trusted'),
    software: z.strictObject({ coffre: Version, node: Version, server: Version.nullable() }),
    phases: z.array(z.strictObject({ name: z.enum(DRILL_PHASES), durationMs: DurationMs })),
    proof: DrillProof.nullable().describe('null for a drill that failed'),
    error: z
      .strictObject({ code: z.enum(ErrorCodes), phase: z.enum(DRILL_PHASES) })
      .nullable()
      .describe('Why it failed'),
  })
  .refine(({ outcome, run, manifest, proof, error }) => {
    const shown = run !== null && manifest !== null && proof !== null;
    return outcome === 'succeeded' ? shown && error === null : proof === null && error !== null;
  }, 'its outcome is not what its fields say')
  .describe('The signed record of one drill of coffre');
export type DrillRecord = z.infer<typeof DrillRecord>;

/** The exact bytes that were signed, and the armored SSHSIG over them. */
export interface SignedDrill {
  readonly record: DrillRecord;
  readonly bytes: Buffer;
  readonly signature: Buffer;
  /** SHA-256 of `bytes`: what the next record calls `previous`. */
  readonly sha256: Sha256;
}
