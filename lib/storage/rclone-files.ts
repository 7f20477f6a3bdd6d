import { createHash } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import { formatBytes } from '../model/format-bytes.ts';
import type { Verification } from '../model/manifest.ts';
import type { Bytes } from '../model/stages.ts';
import { sleep } from '../system/clock.ts';
import { isPassing } from '../system/rclone-failure.ts';
import { mismatch } from './arrival.ts';
import type { ContentFacts, Shippable } from './offsite.ts';
import type { DigestKind, RclonePlace } from './rclone-place.ts';
import { readRange } from './rclone-reader.ts';
import { resumableBuffer } from './resumable.ts';

const TRIES = 3;
const WAIT_MS = 2000;
/** What is too small to ask for room. */
const SMALL_BYTES = 1024 * 1024;

/** What a file is whose bytes went through `digested`. */
interface Seen {
  bytes: number;
  readonly sha256: ReturnType<typeof createHash>;
  readonly told: ReturnType<typeof createHash> | undefined;
}

/**
 * Sends one file under its final name, as a whole, and compares what has arrived. What an earlier try has left (`leftBytes`) is not sent
 * again where it is the same, by a digest that the remote tells or by reading it back.
 */
export async function putByRclone(
  place: RclonePlace,
  path: string,
  content: Shippable,
  facts: () => Promise<ContentFacts>,
  leftBytes: number | undefined,
): Promise<Verification> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const whole = Buffer.isBuffer(content) ? resumableBuffer(content, (await facts()).sha256) : content;
  const kind = place.manner === 'read-back' ? undefined : await place.digestTold();
  if (leftBytes !== undefined && leftBytes === whole.sizeBytes) {
    const expected = await facts();
    const local = kind && kind !== 'sha256' ? await digestOf(whole.from(0), kind) : expected.sha256;
    const same = await compare(place, path, expected, { kind, digest: local }, 'left').catch(
      orElse('verification-failed'),
    );
    if (same) return same;
  }
  // Many remotes take nothing of which the size is not known, and rclone would keep it on its own disk until it is.
  const sizeBytes = whole.sizeBytes ?? (await facts()).sizeBytes;
  await assertRoom(place, name, sizeBytes, leftBytes ?? 0);
  for (let tries = 1; ; tries += 1) {
    const seen: Seen = {
      bytes: 0,
      sha256: createHash('sha256'),
      told: kind && kind !== 'sha256' ? createHash(kind) : undefined,
    };
    try {
      const words = ['rcat', '--size', String(sizeBytes), place.at(path)];
      await place.rclone.send(`send ${name} to ${place.where}`, words, digested(whole.from(0), seen));
      const expected = await facts();
      const sha256 = seen.sha256.digest('hex');
      if (seen.bytes !== expected.sizeBytes || sha256 !== expected.sha256) throw mismatch(place.where, name);
      const arrived = await compare(
        place,
        path,
        expected,
        { kind, digest: seen.told?.digest('hex') ?? sha256 },
        'sent',
      );
      return arrived ?? 'size only';
    } catch (error) {
      if (tries >= TRIES || !isPassing(error)) throw error;
      await sleep(WAIT_MS * tries, place.rclone.signal);
    }
  }
}

interface Expected {
  readonly kind: DigestKind | undefined;
  /** Of that kind. */
  readonly digest: string;
}

/** Throws `verification-failed` for what is not there as it was sent. Of what was only `left`, a size is no proof: undefined. */
async function compare(
  place: RclonePlace,
  path: string,
  { sizeBytes, sha256 }: ContentFacts,
  { kind, digest }: Expected,
  how: 'sent' | 'left',
): Promise<Verification | undefined> {
  const { manner, where } = place;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const asked = manner === 'size' && how === 'sent' ? undefined : kind;
  const there = await place.stat(path, asked);
  if (there?.IsDir !== false || there.Size !== sizeBytes) throw mismatch(where, name);
  const told = asked && there.Hashes?.[asked];
  if (told && told !== digest) throw mismatch(where, name);
  if (manner === 'size') return how === 'sent' || told ? 'size only' : undefined;
  if (told) return 're-hashed remotely';
  if (manner === 'rehash') throw cannotRehash(where);
  const hash = createHash('sha256');
  for await (const chunk of readRange(place, path, 0, sizeBytes)) hash.update(chunk);
  if (hash.digest('hex') !== sha256) throw mismatch(where, name);
  return 'read back';
}

async function* digested(source: Bytes, seen: Seen): Bytes {
  for await (const chunk of source) {
    seen.bytes += chunk.length;
    seen.sha256.update(chunk);
    seen.told?.update(chunk);
    yield chunk;
  }
}

async function digestOf(source: Bytes, kind: DigestKind): Promise<string> {
  const hash = createHash(kind);
  for await (const chunk of source) hash.update(chunk);
  return hash.digest('hex');
}

/** A quota and a full disk are told before hours have gone into an upload, where the remote says what is left. */
async function assertRoom(place: RclonePlace, name: string, sizeBytes: number, leftBytes: number): Promise<void> {
  if (sizeBytes < SMALL_BYTES) return;
  const free = await place.freeBytes();
  const missing = sizeBytes - leftBytes;
  if (free === undefined || free >= missing) return;
  throw new CoffreError(
    'no-space',
    `cannot send ${name} to ${place.where}: ${formatBytes(missing)} are missing there, and ${formatBytes(free)} free`,
    { hint: 'have room made there, or the quota raised; what is owed is sent by the next run' },
  );
}

function cannotRehash(where: string): CoffreError {
  return new CoffreError('offsite-unreachable', `cannot have ${where} tell a digest of what it holds`, {
    hint: 'set verify: auto for this offsite in inventory/hosts, which reads the copy back instead',
  });
}

function orElse(code: CoffreError['code']) {
  return (error: unknown): undefined => {
    if (!(error instanceof CoffreError) || error.code !== code) throw error;
  };
}
