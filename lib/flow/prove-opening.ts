import { beginsAsTar } from '../archive/begins-as-tar.ts';
import { compressionOf } from '../model/compression.ts';
import { CoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';
import { asStage, type SealedFile, type VerifiedStream } from '../model/stages.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { openPart, sealedPart } from '../seal/open-part.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { readSegments } from './read-sealed.ts';
import { formOf } from './run-files.ts';

/** More than the first header of a tar ever takes, compressed or not. */
const LOOK_BYTES = 16 * 1024;
/** Magic and salt: what a sealed file has in front of its ciphertext. */
const HEAD_BYTES = 16;
const BLOCK_BYTES = 16;

/**
 * Proves that the passphrase opens what is sealed in this copy: reads the first segment of its smallest sealed file, verifies it
 * against the signed manifest, and decrypts its beginning, which stays in memory. Returns the name of that file. Throws
 * `verification-failed` for a segment that differs, and `private-key` where what was decrypted is no beginning of an archive.
 */
export async function proveOpening(manifest: Manifest, reader: RunReader, passphrase: Passphrase): Promise<string> {
  const file = await smallestOf(manifest, reader);
  const iterations = manifest.encryption?.iterations ?? ITERATIONS;
  const chunks: Buffer[] = [];
  for await (const chunk of await readSegments(reader, file, 0, 1)) chunks.push(Buffer.from(chunk));
  const segment = Buffer.concat(chunks);
  const head = segment.subarray(0, HEAD_BYTES);
  // The last block is left out: it has the padding.
  const part = sealedPart(file, 0, Math.min(LOOK_BYTES, file.sealedBytes - HEAD_BYTES - BLOCK_BYTES));
  const source = asStage<VerifiedStream>(only(segment));
  const opened: Buffer[] = [];
  for await (const chunk of openPart(head, source, part, file.segments.segmentBytes, passphrase, { iterations })) {
    opened.push(Buffer.from(chunk));
  }
  if (beginsAsTar(Buffer.concat(opened), compressionOf(file.file) ?? null)) return file.file;
  throw new CoffreError(
    'private-key',
    `cannot open ${file.file} of ${reader.where}: what was unwrapped is not its passphrase`,
    { hint: 'take another copy of the run, or the private key of another recipient: npx zx tasks/keys.ts test' },
  );
}

async function smallestOf(manifest: Manifest, reader: RunReader): Promise<SealedFile> {
  const form = formOf(manifest, await reader.list());
  const { archives, dayArchive } = manifest;
  const files: readonly SealedFile[] = form === 'offsite' && dayArchive ? [dayArchive] : archives;
  const [smallest] = [...files].sort((a, b) => a.sealedBytes - b.sealedBytes);
  if (smallest) return smallest;
  throw new CoffreError('verification-failed', `cannot open ${reader.where}: its manifest names no sealed file`, {
    hint: 'take another run: npx zx tasks/list.ts',
  });
}

async function* only(chunk: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield chunk;
}
