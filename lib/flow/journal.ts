import { join } from 'node:path';
import type { ErrorCode } from '../model/error.ts';
import type { Manifest, Phase, SignedManifest } from '../model/manifest.ts';
import type { PublicText } from '../model/redact.ts';
import type { RunId } from '../model/run-id.ts';
import { readIfPresent, removeDurably, writeDurably } from '../system/files.ts';

/** What is known of a run before it is signed: everything but its place in the chain and its end. */
export type Draft = Omit<Manifest, 'sequence' | 'previous' | 'finishedAt'>;

/**
 * The run that is under way, so that the next one can tell what one left behind that was killed, or could not be recorded.
 *
 * `working`: nothing of the run counts yet, and what is there goes. `sealed`: every archive is durable in the partial
 * folders, and the draft says all of it; it is to be signed. `signed`: the manifest has its place in the chain, and
 * the partial folders are to get their final names.
 */
export interface Journal {
  readonly run: RunId;
  readonly state: 'working' | 'sealed' | 'signed';
  readonly phase: Phase;
  readonly draft: Draft;
  /** Of a run that has ended by itself: by which error, and why it could not be put on record. */
  readonly unrecorded?: { readonly code: ErrorCode; readonly why: PublicText };
  /** Whether a folder of the export stood in for the store. */
  readonly standIn?: boolean;
  /** Whether the run has ended, and all that it lacks is its name in the export. */
  readonly owesExport?: boolean;
  readonly signed?: { readonly bytes: string; readonly signature: string };
}

const pathOf = (stateFolder: string) => join(stateFolder, 'journal.json');

export async function readJournal(stateFolder: string): Promise<Journal | undefined> {
  const content = await readIfPresent(pathOf(stateFolder));
  return content && (JSON.parse(content.toString('utf8')) as Journal);
}

export async function writeJournal(stateFolder: string, journal: Journal): Promise<void> {
  await writeDurably(pathOf(stateFolder), JSON.stringify(journal), 0o600);
}

export async function removeJournal(stateFolder: string): Promise<void> {
  await removeDurably(pathOf(stateFolder));
}

/** The journal of a run whose manifest was just signed. */
export function signedJournal(journal: Journal, { bytes, signature }: SignedManifest): Journal {
  return {
    ...journal,
    state: 'signed',
    signed: { bytes: bytes.toString('base64'), signature: signature.toString('base64') },
  };
}
