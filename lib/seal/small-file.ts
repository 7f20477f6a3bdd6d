import { CoffreError } from '../model/error.ts';
import type { Sha256 } from '../model/names.ts';
import { type ArchiveStream, asStage, type VerifiedStream } from '../model/stages.ts';
import { sha256Of } from '../system/files.ts';
import type { SealOptions } from './cipher.ts';
import { openStream } from './open-stream.ts';
import type { Passphrase } from './passphrase.ts';
import { sealStream } from './seal-stream.ts';

/** Seals what is small enough to be held in memory, in the same format as the archives. */
export async function sealSmall(content: Buffer, passphrase: Passphrase, options: SealOptions): Promise<Buffer> {
  return await collected(sealStream(asStage<ArchiveStream>(once(content)), passphrase, options));
}

/**
 * Opens what `sealSmall` made, once its digest is the one that a signed manifest has. Throws `verification-failed`, and
 * `private-key` when the passphrase does not fit.
 */
export async function openSmall(
  sealed: Buffer,
  { file, sha256 }: { readonly file: string; readonly sha256: Sha256 },
  passphrase: Passphrase,
  options: SealOptions,
): Promise<Buffer> {
  if (sha256Of(sealed) === sha256) {
    return await collected(openStream(asStage<VerifiedStream>(once(sealed)), passphrase, options));
  }
  throw new CoffreError('verification-failed', `cannot open ${file}: its digest differs`, {
    hint: 'take another copy of the run: npx zx tasks/list.ts',
  });
}

async function* once(content: Buffer) {
  yield content;
}

async function collected(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
