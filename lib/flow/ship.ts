import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig } from '../model/inventory.ts';
import { VERIFICATIONS, type Verification } from '../model/manifest.ts';
import type { OffsiteName } from '../model/names.ts';
import type { SealedFile } from '../model/stages.ts';
import type { Offsite, RunUpload } from '../storage/offsite.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { sha256Of } from '../system/files.ts';
import type { Draft } from './journal.ts';
import { metered } from './metered.ts';
import { readResumable } from './read-sealed.ts';
import { type RunForm, vouchedFiles } from './run-files.ts';

export interface Shipment {
  /** The run's folder on this host, in its form. */
  readonly source: RunReader;
  readonly draft: Draft;
  readonly form: RunForm;
  readonly upload: RunUpload;
  readonly to: OffsiteName;
  /** Files that are there already, and how they compared. */
  readonly sent?: ReadonlyMap<string, Verification>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Sends every file of a run that its manifest vouches for and that has not been sent yet, each checked against the manifest while it is read here and
 * compared over there once it has arrived. Returns the weakest of these comparisons.
 */
export async function ship({ source, draft, form, upload, to, sent, emit, signal }: Shipment): Promise<Verification> {
  const sealed = [...draft.archives, ...(draft.dayArchive ? [draft.dayArchive] : [])];
  let weakest: Verification = VERIFICATIONS[0];
  for (const [name, sha256] of vouchedFiles(draft, form)) {
    signal.throwIfAborted();
    const file = sealed.find((each) => each.file === name);
    const verification =
      sent?.get(name) ??
      (file
        ? await putSealed(file, { source, upload, to, emit, signal })
        : await putSmall(source, upload, name, sha256));
    if (VERIFICATIONS.indexOf(verification) > VERIFICATIONS.indexOf(weakest)) weakest = verification;
  }
  return weakest;
}

/** Sends the files that say what the run is, and makes it appear. */
export async function finishShipment(upload: RunUpload, closing: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [name, content] of closing) {
    await upload.put(name, content, factsOf(content));
  }
  await upload.commit();
}

/** What a server cannot do, and what that makes of a copy: for whoever reads what a run said. */
export function tellWeaknesses({ name }: HostConfig, at: Pick<Offsite, 'weaknesses'>, emit: Emit): void {
  for (const text of at.weaknesses()) emit({ kind: 'note', subject: name, text });
}

type Place = Pick<Shipment, 'source' | 'upload' | 'to' | 'emit' | 'signal'>;

async function putSealed(file: SealedFile, { source, upload, to, emit, signal }: Place): Promise<Verification> {
  const { file: name, sealedBytes: sizeBytes, sha256 } = file;
  const watch = { emit, phase: 'ship', subject: `${name} to ${to}`, totalBytes: sizeBytes, signal };
  const content = await readResumable(source, file, (bytes, doneBytes) => metered(bytes, { ...watch, doneBytes }));
  return await upload.put(name, content, async () => ({ sizeBytes, sha256 }));
}

async function putSmall(source: RunReader, upload: RunUpload, name: string, sha256: string): Promise<Verification> {
  const content = await readSmall(source, name);
  if (content && sha256Of(content) === sha256) {
    return await upload.put(name, content, factsOf(content));
  }
  throw new CoffreError('verification-failed', `cannot ship ${name}: it is not in ${source.where} as it was written`, {
    hint: `look at: ls -la ${source.where}`,
  });
}

const factsOf = (content: Buffer) => async () => ({ sizeBytes: content.length, sha256: sha256Of(content) });
