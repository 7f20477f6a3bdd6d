import { createPublicKey, type KeyObject } from 'node:crypto';
import { asCoffreError, type ErrorCode } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import type { HostName, RecipientName, Sha256 } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import type { CopyPlace } from './find-copy.ts';
import { nearestCopy } from './nearest-copy.ts';
import { passphraseOf } from './opening.ts';
import { proveOpening } from './prove-opening.ts';
import { readManifest } from './read-manifest.ts';

export interface KeyTestOrder {
  readonly privateKey: KeyObject;
  readonly inventory: Inventory;
  readonly hosts: readonly HostConfig[];
  /** The only place that counts; all of each host, the nearest first, if absent. */
  readonly from: string | undefined;
  /** The newest of each host, if absent. */
  readonly run: RunId | undefined;
  /** Opens a place of a host. */
  readonly open: (host: HostConfig, place: string) => Promise<CopyPlace>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

interface Trouble {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

/** What the key is worth for one host. */
export interface KeyTest {
  readonly host: HostName;
  /** What was opened; null where nothing was. */
  readonly opened: {
    readonly run: RunId;
    readonly place: string;
    /** As whom the manifest, or else the inventory, knows the owner of this key; null where nobody does. */
    readonly recipient: RecipientName | null;
    /** The sealed file of which the beginning was read. */
    readonly file: string;
  } | null;
  readonly error: Trouble | null;
  /** Copies that could not be taken before that one, and why. */
  readonly rejected: readonly (Trouble & { readonly place: string })[];
  /** Why runs from now on are not sealed for this key, by the inventory; null where they are, or where nobody knows. */
  readonly remark: string | null;
}

/**
 * Tries for each host whether this key opens the newest run: the signed manifest, its owner's envelope, the beginning of one
 * sealed file. Writes nothing anywhere. What is found wrong of a host is told of it, and never thrown, but for `interrupted` and
 * `usage`.
 */
export async function testKey(order: KeyTestOrder): Promise<readonly KeyTest[]> {
  const tests: KeyTest[] = [];
  for (const host of order.hosts) {
    order.signal.throwIfAborted();
    const from = performance.now();
    order.emit({ kind: 'phase-started', phase: 'keys', subject: host.name });
    tests.push(await testHost(host, order));
    const durationMs = Math.round(performance.now() - from);
    order.emit({ kind: 'phase-ended', phase: 'keys', subject: host.name, durationMs });
  }
  return tests;
}

async function testHost(host: HostConfig, order: KeyTestOrder): Promise<KeyTest> {
  const { privateKey, inventory, run, from, signal } = order;
  const own = keyFingerprint(createPublicKey(privateKey));
  const rejected: KeyTest['rejected'][number][] = [];
  const wish = {
    ...{ from, run, signal },
    open: (place: string) => order.open(host, place),
    reject: (place: string, { code, message, hint }: Trouble) => rejected.push({ place, code, message, hint }),
  };
  const common = { host: host.name, rejected, remark: remarkOn(own, host, inventory) };
  try {
    const { place, proven } = await nearestCopy(host, wish, async (found, reader) => {
      const signed = await readManifest(reader, host.name, found, inventory.allowedSigners);
      const passphrase = await passphraseOf({ kind: 'key', privateKey }, signed, reader, inventory);
      const { manifest } = signed;
      const file = await proveOpening(manifest, reader, passphrase);
      const owner = manifest.recipients.find(({ fingerprint }) => fingerprint === own);
      const recipient = owner?.name ?? ownerOf(own, inventory);
      return { run: found, recipient, file };
    });
    place.close();
    return { ...common, opened: { ...proven, place: place.name }, error: null };
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message, hint } = asCoffreError(thrown);
    if (code === 'usage') throw thrown;
    return { ...common, opened: null, error: { code, message, hint } };
  }
}

function ownerOf(own: Sha256, { recipients, retired = [] }: Inventory): RecipientName | null {
  const known = [...recipients.values(), ...retired];
  return known.find(({ publicKey }) => keyFingerprint(createPublicKey(publicKey)) === own)?.name ?? null;
}

function remarkOn(own: Sha256, host: HostConfig, { recipients }: Inventory): string | null {
  const wanted = host.recipients.flatMap((name) => recipients.get(name) ?? []);
  if (wanted.length === 0) return null; // a folder alone, without an inventory
  if (wanted.some(({ publicKey }) => keyFingerprint(createPublicKey(publicKey)) === own)) return null;
  const names = wanted.map(({ name }) => name).join(', ');
  return `the recipients on record have other keys (${names}): runs from now on are not sealed for this one`;
}
