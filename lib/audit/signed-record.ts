import type { SignedDrill } from '../model/drill-record.ts';
import type { SignedManifest } from '../model/manifest.ts';
import type { HostName, Sha256 } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { sha256Of } from '../system/files.ts';
import { parseDrill, parseManifest } from './canonical.ts';
import { drillPath, manifestPath } from './paths.ts';

/** A record with its signature, of any kind that is published in a chain. */
export type SignedRecord = SignedManifest | SignedDrill;

/** What the chain and the audit repository need of a record, whichever its kind. */
export interface RecordFacts {
  readonly sequence: number;
  readonly previous: Sha256 | null;
  /** The run, or the drill. */
  readonly name: RunId;
  /** In the audit repository. */
  readonly path: string;
  /** Who has signed it. */
  readonly signer: HostName;
  /** A line of a commit's message. */
  readonly line: string;
}

export function factsOf(signed: SignedRecord): RecordFacts {
  if ('manifest' in signed) {
    const { host, run, sequence, previous, outcome } = signed.manifest;
    const path = manifestPath(host, run);
    return { sequence, previous, name: run, path, signer: host, line: `${host} ${run} ${outcome}` };
  }
  const { host, driller, drill, sequence, previous, outcome } = signed.record;
  const path = drillPath(host, drill, driller);
  const line = `${driller} drilled ${host} ${drill} ${outcome}`;
  return { sequence, previous, name: drill, path, signer: driller, line };
}

/** A record as it was kept. What it is, it says itself. Throws `verification-failed`. */
export function parseSigned(bytes: Buffer, signature: Buffer): SignedRecord {
  const signed = { bytes, signature, sha256: sha256Of(bytes) };
  // A quote inside of a text is escaped, so that no name can look like this; and nothing in a manifest is of this kind.
  return bytes.includes('"kind":"drill"')
    ? { record: parseDrill(bytes), ...signed }
    : { manifest: parseManifest(bytes), ...signed };
}
