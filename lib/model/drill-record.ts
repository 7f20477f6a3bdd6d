import * as z from 'zod';
import { HostName, OffsiteName, Sha256 } from './names.ts';
import { Bytes, Count, DurationMs, ErrorCodeField, HEADER_FIELDS, SoftwareFields, Version } from './record-parts.ts';
import { RunId } from './run-id.ts';
import { UntoldField } from './untold-record.ts';

/*
 * The signed record of a drill. An allow-list like the manifest: no field takes free text, and what is not a field here
 * cannot be published. It names no database: the manifest of the run does, and `manifest` says which one that is.
 */

/** `find`: the newest run and its manifest; `prepare`: the throwaway server; `restore`: verify, load and compare. */
export const DRILL_PHASES = ['find', 'prepare', 'restore'] as const;
export type DrillPhase = (typeof DRILL_PHASES)[number];

export const DrillProof = z
  .strictObject({
    databases: Count.describe('Databases whose content is that which was sealed with them'),
    tables: Count.describe('Tables in them'),
    sealedBytes: Bytes.describe('Ciphertext of the run'),
    plainBytes: Bytes.describe('SQL that was loaded'),
    recoveryMs: DurationMs.describe('From the first look at the copy until everything was loaded and compared'),
  })
  .describe('What was shown, and how long it took');
export type DrillProof = z.infer<typeof DrillProof>;

export const DrillRecord = z
  .strictObject({
    kind: z.literal('drill').describe('One restore that proves a run, or that it cannot be restored'),
    ...HEADER_FIELDS,
    driller: HostName.describe('The machine that drilled, whose key has signed this'),
    host: HEADER_FIELDS.host.describe('Whose run was restored'),
    drill: RunId.describe('The drill, named by its UTC start as a run is'),
    sequence: HEADER_FIELDS.sequence.describe('Place in the chain of this driller and host, from 1 on, without gaps'),
    outcome: z
      .enum(['succeeded', 'failed'])
      .describe('succeeded: all of the run was restored, with the content that was sealed'),
    source: z
      .strictObject({
        kind: z.enum(['store', 'export', 'offsite']).describe('Which place the copy was at'),
        offsite: OffsiteName.nullable().describe('null unless kind is offsite'),
      })
      .describe('The copy that was restored'),
    run: RunId.nullable().describe('The newest run of the source; null where none could be found'),
    manifest: Sha256.nullable().describe('SHA-256 of the manifest of the run; null where none was trusted'),
    software: z
      .strictObject({
        ...SoftwareFields,
        server: Version.nullable().describe('Version of the throwaway server; null where the drill did not come to it'),
      })
      .describe('What made this drill'),
    phases: z
      .array(
        z.strictObject({
          name: z.enum(DRILL_PHASES).describe('Which phase'),
          durationMs: DurationMs.describe('How long it took'),
        }),
      )
      .describe('The phases that were begun, in their order'),
    proof: DrillProof.nullable().describe('null for a drill that failed'),
    untold: UntoldField,
    error: z
      .strictObject({ code: ErrorCodeField, phase: z.enum(DRILL_PHASES).describe('In which phase') })
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
