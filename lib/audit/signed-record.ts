import type { SignedDrill } from '../model/drill-record.ts';
import type { SignedManifest } from '../model/manifest.ts';
import type { HostName, Sha256 } from '../model/names.ts';
import type { SignedHostRecord } from '../model/record.ts';
import type { RecordHeader } from '../model/record-header.ts';
import { type RunId, runIdAt } from '../model/run-id.ts';
import { sha256Of } from '../system/files.ts';
import { parseDrill, parseHostRecord, parseManifest } from './canonical.ts';
import { claimedKind } from './canonical-record.ts';
import { drillPath, manifestPath, recordPath } from './paths.ts';

/** A record with its signature, of any kind that is published in a chain. */
export type SignedRecord = SignedManifest | SignedDrill | SignedHostRecord;

/** What the chain and the audit repository need of a record, whichever its kind. */
export interface RecordFacts {
  readonly sequence: number;
  readonly previous: Sha256 | null;
  /** The run, the drill, or when it began. */
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
  if ('header' in signed) return factsOfHost(signed.header);
  if (signed.record.kind !== 'drill') return factsOfHost(signed.record);
  const { host, driller, drill, sequence, previous, outcome } = signed.record;
  const path = drillPath(host, drill, driller);
  const line = `${driller} drilled ${host} ${drill} ${outcome}`;
  return { sequence, previous, name: drill, path, signer: driller, line };
}

type Header = Pick<RecordHeader, 'host' | 'kind' | 'sequence' | 'previous' | 'outcome' | 'startedAt'>;

function factsOfHost({ host, kind, sequence, previous, outcome, startedAt }: Header): RecordFacts {
  const name = runIdAt(new Date(startedAt));
  const path = recordPath(host, name, kind);
  return { sequence, previous, name, path, signer: host, line: `${host} ${kind} ${name} ${outcome}` };
}

/** A record as it was kept. What it is, it says itself. Throws `verification-failed`. */
export function parseSigned(bytes: Buffer, signature: Buffer): SignedRecord {
  const signed = { bytes, signature, sha256: sha256Of(bytes) };
  switch (claimedKind(bytes)) {
    case undefined:
    case 'backup':
      return { manifest: parseManifest(bytes), ...signed };
    case 'drill':
      return { record: parseDrill(bytes), ...signed };
    default:
      return { ...parseHostRecord(bytes), ...signed };
  }
}
