import { DrillRecord } from '../model/drill-record.ts';
import { Manifest } from '../model/manifest.ts';
import { HostRecord } from '../model/record.ts';
import { RecordHeader } from '../model/record-header.ts';
import { RECORD_VERSION } from '../model/record-parts.ts';
import { claimedKind, encodeRecord, parseRecord, type RecordForm } from './canonical-record.ts';

const MANIFEST: RecordForm<Manifest> = {
  noun: 'manifest',
  schema: Manifest,
  version: RECORD_VERSION,
  hint: 'what was signed is not a manifest of coffre; compare it with the copy in the store',
};

const DRILL: RecordForm<DrillRecord> = {
  noun: 'record of the drill',
  schema: DrillRecord,
  version: RECORD_VERSION,
  hint: 'what was signed is not a record of coffre; see who put it there: git log -- drills',
};

const STRANGE = 'what was signed is not a record of coffre; see who put it there: git log -- manifests';

const RECORD: RecordForm<HostRecord> = {
  noun: 'record',
  schema: HostRecord,
  version: RECORD_VERSION,
  hint: STRANGE,
};

/** A kind of a newer minor version. One of this version, or of an earlier one, that is not known here is none. */
const HEADER: RecordForm<RecordHeader> = {
  noun: 'record',
  schema: RecordHeader.refine(({ version }) => isNewer(version), { path: ['kind'] }),
  version: RECORD_VERSION,
  hint: STRANGE,
};

function isNewer(version: string): boolean {
  return Number(version.split('.')[1]) > Number(RECORD_VERSION.split('.')[1]);
}

const HOST_KINDS: ReadonlySet<string> = new Set(HostRecord.options.flatMap(({ shape }) => [...shape.kind.values]));

/** The one byte sequence that stands for `manifest`. */
export function encodeManifest(manifest: Manifest): Buffer {
  return encodeRecord(MANIFEST, manifest);
}

/** Reads what `encodeManifest` wrote, and nothing else. Throws `verification-failed`. */
export function parseManifest(bytes: Uint8Array): Manifest {
  return parseRecord(MANIFEST, bytes);
}

/** The one byte sequence that stands for the record of a drill. */
export function encodeDrill(record: DrillRecord): Buffer {
  return encodeRecord(DRILL, record);
}

/** Reads what `encodeDrill` wrote, and nothing else. Throws `verification-failed`. */
export function parseDrill(bytes: Uint8Array): DrillRecord {
  return parseRecord(DRILL, bytes);
}

/** The one byte sequence that stands for what a host puts on record beside its runs. */
export function encodeHostRecord(record: HostRecord): Buffer {
  return encodeRecord(RECORD, record);
}

/**
 * Reads what `encodeHostRecord` wrote, and nothing else; of a kind that only a newer minor version has, the header alone.
 * Throws `verification-failed`.
 */
export function parseHostRecord(
  bytes: Uint8Array,
): { readonly record: HostRecord } | { readonly header: RecordHeader } {
  const kind = claimedKind(bytes);
  if (kind === undefined || HOST_KINDS.has(kind) || kind === 'backup' || kind === 'drill')
    return { record: parseRecord(RECORD, bytes) };
  return { header: parseRecord(HEADER, bytes) };
}
