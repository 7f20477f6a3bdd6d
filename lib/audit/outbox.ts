import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import type { RunId } from '../model/run-id.ts';
import { readRequired, removeDurably, writeDurably } from '../system/files.ts';
import { factsOf, parseSigned, type SignedRecord } from './signed-record.ts';

/*
 * The outbox keeps signed records of one chain on the machine that made them until they are published:
 *
 *   <state>/outbox/000000042-2026-11-22T040000Z.json       the exact bytes; once it is there, the link is made
 *   <state>/outbox/000000042-2026-11-22T040000Z.json.sig   written before it, removed after it
 */

const NAME = /^(\d{9})-(\d{4}-\d{2}-\d{2}T\d{6}Z)\.json$/;
const DIGITS = 9;

/** Puts a signed record into the outbox so that it survives a power cut. */
export async function putIntoOutbox(stateFolder: string, signed: SignedRecord): Promise<void> {
  const folder = await outboxOf(stateFolder);
  const { sequence, name } = factsOf(signed);
  const path = join(folder, nameOf(sequence, name));
  await writeDurably(`${path}.sig`, signed.signature, 0o600);
  await writeDurably(path, signed.bytes, 0o600);
}

/** The records that wait for their publication, in the order of the chain. */
export async function readOutbox(stateFolder: string): Promise<SignedRecord[]> {
  const folder = await outboxOf(stateFolder);
  const names = (await readdir(folder)).filter((name) => NAME.test(name)).sort();
  const waiting: SignedRecord[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const hint = `move it away, and look at: ls -la ${folder}`;
    const [bytes, signature] = [await readRequired(path, hint), await readRequired(`${path}.sig`, hint)];
    const signed = parseSigned(bytes, signature);
    const facts = factsOf(signed);
    if (nameOf(facts.sequence, facts.name) !== name) {
      throw new CoffreError('verification-failed', `cannot read ${path}: it holds another record`, {
        hint,
      });
    }
    waiting.push(signed);
  }
  return waiting;
}

/** Takes a published record out of the outbox. `lib/audit/chain.ts` calls this, once the head is safe without it. */
export async function removeFromOutbox(stateFolder: string, sequence: number, run: RunId): Promise<void> {
  const path = join(await outboxOf(stateFolder), nameOf(sequence, run));
  await removeDurably(path);
  await removeDurably(`${path}.sig`);
}

/** Takes away what was left by whoever was killed over writing or removing a record. To be called by whoever holds the chain. */
export async function sweepOutbox(stateFolder: string): Promise<void> {
  const folder = await outboxOf(stateFolder);
  const names = await readdir(folder);
  const kept = new Set(names.filter((name) => NAME.test(name)).flatMap((name) => [name, `${name}.sig`]));
  for (const name of names) if (!kept.has(name)) await removeDurably(join(folder, name));
}

async function outboxOf(stateFolder: string): Promise<string> {
  const folder = join(stateFolder, 'outbox');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function nameOf(sequence: number, run: RunId): string {
  return `${String(sequence).padStart(DIGITS, '0')}-${run}.json`;
}
