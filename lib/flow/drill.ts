import type { KeyObject } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readOutbox } from '../audit/outbox.ts';
import type { Publication } from '../audit/publish.ts';
import { factsOf } from '../audit/signed-record.ts';
import { readSigningKey } from '../audit/signing-key.ts';
import { parseAllowedSigners } from '../model/allowed-signers.ts';
import type { DrillRecord } from '../model/drill-record.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { HostName } from '../model/names.ts';
import type { Clock } from '../system/clock.ts';
import { makeFolder } from '../system/files.ts';
import { lockOrThrow } from '../system/lock.ts';
import { claimRun } from './claim-run.ts';
import { concludeDrill, publishDrills } from './conclude-drill.ts';
import { drillState, readDrillJournal, removeDrillJournal } from './drill-journal.ts';
import { DrillRun } from './drill-run.ts';
import { clearScratch } from './drill-scratch.ts';
import { drillSource } from './drill-source.ts';
import { drillerSliceOf } from './driller-slice-of.ts';
import { newerOnRecord } from './newer-on-record.ts';
import { readPrivateKey } from './read-private-key.ts';
import { rehearse } from './rehearse.ts';
import { rememberDrill } from './remember.ts';
import { tellTampering } from './tell-tampering.ts';

export interface DrillContext {
  readonly inventory: Inventory;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Another copy than the inventory says: `store`, `export`, `offsite` or `offsite:<name>`. */
  readonly from?: string | undefined;
  /** Only these of its hosts. */
  readonly only?: readonly HostName[] | undefined;
}

/** What became of the drill of one host. */
export interface DrillOutcome {
  readonly record: DrillRecord;
  /** Why it failed; null for one that succeeded. */
  readonly error: CoffreError | null;
  readonly publication: Publication;
  /** That a newer run is on record than the newest that was found; null where there is none, or nobody can know. */
  readonly lost: CoffreError | null;
}

/**
 * Drills the hosts of a driller, on that driller, one after another: newest run → throwaway server → restore → compare →
 * record, signed and published. A drill that fails is on record like any other, and the next host has its turn.
 *
 * Throws, before any of it: `locked` while another one is at it, `refused` when the records could not be signed, and what
 * keeps the key from being read.
 */
export async function drill(driller: DrillerConfig, context: DrillContext): Promise<readonly DrillOutcome[]> {
  const { clock, emit, signal, only } = context;
  await makeFolder(driller.state.path, 0o700);
  const since = clock.now().toISOString();
  const lock = await lockOrThrow(join(driller.state.path, 'drill.lock'), { doing: `the drill of ${since}`, since });
  try {
    if (await clearScratch(driller)) tellLeftover(driller, emit);
    await assertCanSign(driller, context.inventory);
    const slice = drillerSliceOf(driller, context.inventory);
    const hosts = slice.hosts.filter(({ name }) => only === undefined || only.includes(name));
    const inventory = {
      ...context.inventory,
      hosts: new Map(slice.hosts.map((host) => [host.name, host])),
      allowedSigners: slice.allowedSigners,
    };
    const privateKey = await readDrillKey(driller);
    const outcomes: DrillOutcome[] = [];
    for (const host of hosts) {
      if (signal.aborted) break;
      await settleKilledDrill(driller, host, context);
      outcomes.push(await drillHost(driller, host, privateKey, { ...context, inventory }));
    }
    return outcomes;
  } finally {
    await lock.release();
  }
}

async function drillHost(
  driller: DrillerConfig,
  host: HostConfig,
  privateKey: KeyObject,
  { inventory, clock, emit, signal, from }: DrillContext,
): Promise<DrillOutcome> {
  const folder = drillState(driller, host.name);
  await makeFolder(folder, 0o700);
  const source = drillSource(host, from ?? driller.from);
  const name = await claimRun(folder, clock);
  emit({ kind: 'run-started', subject: host.name, run: name });
  const run = new DrillRun(driller, host, name, source, emit);
  let failure: CoffreError | null = null;
  try {
    const proof = await rehearse({ host, driller, inventory, from: source, privateKey, emit, signal }, run);
    run.succeed(proof);
  } catch (error) {
    failure = signal.aborted ? asCoffreError(signal.reason) : asCoffreError(error);
    run.fail(failure);
  } finally {
    await clearScratch(driller);
  }
  const { record } = await concludeDrill(driller, run.draft, clock);
  await removeDrillJournal(folder);
  await rememberDrill(driller, record, emit);
  // Whoever stops a drill does not wait for a network: the next one publishes.
  const publication: Publication = signal.aborted
    ? { kind: 'owed', count: 1, error: asCoffreError(signal.reason) }
    : await publishDrills(driller, host.name, clock);
  tellPublication(publication, host.name, emit);
  const lost = signal.aborted ? null : await lostOf(driller, record, inventory, { emit, signal });
  return { record, error: failure, publication, lost };
}

/** Told at once, and not by `validate` alone: who drills by hand may never look there. */
async function lostOf(
  driller: DrillerConfig,
  record: DrillRecord,
  { allowedSigners }: Inventory,
  { emit, signal }: Pick<DrillContext, 'emit' | 'signal'>,
): Promise<CoffreError | null> {
  const warn = (text: string, hint = 'look for it by hand: npx zx tasks/validate.ts') =>
    emit({ kind: 'warning', subject: record.host, text, hint });
  try {
    const lost = await newerOnRecord(driller, record, allowedSigners, signal);
    if (lost) warn(lost.message, lost.hint);
    return lost;
  } catch (error) {
    const { message } = asCoffreError(error);
    warn(`nobody knows whether a newer run is on record: ${message}`);
    return null;
  }
}

/** A drill that was killed is one that has failed, and is put on record as that. */
async function settleKilledDrill(
  driller: DrillerConfig,
  host: HostConfig,
  { clock, emit }: DrillContext,
): Promise<void> {
  const folder = drillState(driller, host.name);
  const journal = await readDrillJournal(folder);
  if (!journal) return;
  const { draft, phase } = journal;
  const onRecord = (await readOutbox(folder)).some((signed) => factsOf(signed).name === draft.drill);
  if (onRecord) return await removeDrillJournal(folder);
  const error = { code: 'interrupted', phase } as const;
  const { record } = await concludeDrill(driller, { ...draft, outcome: 'failed', proof: null, error }, clock);
  await removeDrillJournal(folder);
  await rememberDrill(driller, record, emit);
  emit({
    kind: 'warning',
    subject: host.name,
    text: `the drill ${draft.drill} did not come to its record, as when it is killed; it is recorded as failed now`,
    hint: 'look at what ended it: journalctl --since yesterday; dmesg | tail',
  });
}

const OTHERS = 0o077;

async function readDrillKey({ key, name }: DrillerConfig): Promise<KeyObject> {
  const found = await stat(key).catch(() => undefined);
  if (!found) {
    throw new CoffreError('not-found', `cannot read the private key of the driller: there is none at ${key}`, {
      hint: `have it made: npx zx tasks/provision.ts ${name}`,
    });
  }
  if ((found.mode & OTHERS) !== 0) {
    throw new CoffreError('refused', `cannot use ${key}: others than its owner can open it`, {
      hint: `run: chmod 0600 ${key}; if somebody may have read it, make a new recipient`,
    });
  }
  return await readPrivateKey(key, async () => {
    throw new CoffreError('private-key', `cannot use ${key}: it has a passphrase, and nobody is here to give it`, {
      hint: 'the key of a driller has none, and its machine is guarded instead',
    });
  });
}

/** A drill whose record nobody accepts would prove nothing: better known before than after. */
async function assertCanSign({ name, state }: DrillerConfig, { allowedSigners, folder }: Inventory): Promise<void> {
  const publicKey = await readSigningKey(state.path, name);
  const { signers } = parseAllowedSigners(allowedSigners);
  if (signers.some((signer) => signer.host === name && signer.publicKey === publicKey)) return;
  throw new CoffreError('refused', `cannot sign for ${name}: the inventory ${folder} does not name its signing key`, {
    hint: `let it sign: npx zx tasks/provision.ts ${name}; then commit signers/allowed_signers`,
  });
}

function tellLeftover({ name, folder }: DrillerConfig, emit: Emit): void {
  const text = `an earlier drill was killed: its server and what it had written to ${folder} are gone now`;
  emit({
    kind: 'warning',
    subject: name,
    text,
    hint: 'look at what ended it: journalctl --since yesterday; dmesg | tail',
  });
}

function tellPublication(publication: Publication, host: HostName, emit: Emit): void {
  if (publication.kind === 'owed') {
    const { message, hint = 'the next drill publishes it' } = publication.error;
    emit({ kind: 'warning', subject: host, text: `the record is not published yet: ${message}`, hint });
    return;
  }
  for (const told of tellTampering(publication, 'this driller')) emit({ kind: 'warning', subject: host, ...told });
}
