import { DRILL_VERSION, DrillRecord } from '../model/drill-record.ts';
import { MANIFEST_VERSION, Manifest } from '../model/manifest.ts';
import { encodeRecord, parseRecord, type RecordForm } from './canonical-record.ts';

const MANIFEST: RecordForm<Manifest> = {
  noun: 'manifest',
  schema: Manifest,
  version: MANIFEST_VERSION,
  hint: 'what was signed is not a manifest of coffre; compare it with the copy in the store',
};

const DRILL: RecordForm<DrillRecord> = {
  noun: 'record of the drill',
  schema: DrillRecord,
  version: DRILL_VERSION,
  hint: 'what was signed is not a record of coffre; see who put it there: git log -- drills',
};

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
