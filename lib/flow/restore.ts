import { createPublicKey, type KeyObject } from 'node:crypto';
import { assertCanDecompress } from '../archive/decompress.ts';
import type { CaughtUp } from '../database/catch-up.ts';
import { execute } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { inspectSeedTarget } from '../database/seed-target.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import { inspectTarget, trustCreators } from '../database/target.ts';
import { compressionOf } from '../model/compression.ts';
import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { Archive, Manifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import type { SelectionWish } from '../model/selection.ts';
import type { Bytes } from '../model/stages.ts';
import { unwrapPassphrase } from '../seal/envelope.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { drain } from '../system/bytes.ts';
import { quotePosix } from '../system/command.ts';
import { sha256Of } from '../system/files.ts';
import { assertRenamable } from './assert-renamable.ts';
import { compareRestored } from './compare-restored.ts';
import { openPlace, openRunAt } from './find-copy.ts';
import { joinDatabases } from './join-database.ts';
import { type LoadFailure, loadArchives } from './load-archives.ts';
import { metered } from './metered.ts';
import { assertAllowed, planRestore, type RestorePlan } from './plan-restore.ts';
import { planSeed, type SeedPlan } from './plan-seed.ts';
import { remarksOnSelections } from './plan-selections.ts';
import { readManifest } from './read-manifest.ts';
import { readPieces } from './read-pieces.ts';
import { readSealed } from './read-sealed.ts';
import { RECOVERY_FILE } from './run-files.ts';
import { type SeedWish, seed, tellSeedPlan } from './seed.ts';

export interface RestoreOrder {
  readonly host: HostConfig;
  readonly inventory: Inventory;
  /** `store`, `export`, `offsite:<name>`, or a folder. */
  readonly from: string;
  /** The newest there, if absent. */
  readonly run?: RunId | undefined;
  /** Only these databases, which may be none; all of them if absent. */
  readonly databases?: readonly string[] | undefined;
  readonly accounts: boolean;
  /** Databases that may be there already, and are dropped before they are loaded. */
  readonly overwrite: readonly string[];
  /** Some tables, another name, other definers, …; all as it was if absent. */
  readonly selection?: SelectionWish | undefined;
  readonly privateKey: KeyObject;
  readonly target: Connection;
  /** Makes the server a replica once everything is loaded. It has to be empty for that, and gets the whole run. */
  readonly seed?: SeedWish | undefined;
  /** Plan, and do nothing. */
  readonly dryRun: boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface RestoreResult {
  readonly plan: RestorePlan;
  /** Databases that were dumped once more after the load, and had the digests that were sealed with them. */
  readonly compared: readonly string[];
  /** null when no replica was asked for; `done` is null for a plan alone. */
  readonly seed: { readonly plan: SeedPlan; readonly done: CaughtUp | null } | null;
}

/**
 * Restores from a copy: manifest → plan → key → every byte verified → load → compare. Nothing is dropped or loaded
 * before all that is to be read has been verified. A database whose load fails is dropped again; the others are restored
 * all the same, and it is told at the end. Throws by the table.
 */
export async function restore(wanted: RestoreOrder): Promise<RestoreResult> {
  // What is loaded into a replica has to stay out of its own log: there it would be transactions that nobody else has.
  const order = wanted.seed ? { ...wanted, target: { ...wanted.target, unlogged: true } } : wanted;
  const { host, inventory, target, emit, signal } = order;
  const place = await openPlace(host, order.from, signal);
  try {
    const { run, reader } = await openRunAt(place, order.run);
    const { manifest } = await readManifest(reader, host.name, run, inventory.allowedSigners);
    const seedTarget = order.seed && (await inspectSeedTarget(wanted.target));
    const planned = planRestore(manifest, {
      ...(await inspectTarget(target).then(({ databases, ...rest }) => ({ present: databases, ...rest }))),
      where: reader.where,
      files: await reader.list(),
      databases: order.databases,
      accounts: order.accounts,
      overwrite: order.overwrite,
      selection: order.selection,
    });
    const plan = await joinDatabases(target, planned);
    for (const remark of remarksOnSelections(plan.selections)) {
      emit({ kind: 'warning', subject: host.name, ...remark });
    }
    assertCanDecompress(plan.archives.flatMap(({ file }) => compressionOf(file) ?? []));
    const seedPlan = order.seed && seedTarget ? planSeed(manifest, order.seed.primary, seedTarget) : null;
    if (!order.dryRun) assertAllowed(plan);
    const passphrase = await unwrapFor(order.privateKey, manifest, reader);
    const piecesOf = (archive: Archive) => readPieces(archive, plan, manifest, reader, passphrase);
    if (!order.selection?.asAnyway) await assertRenamable(plan.selections, piecesOf);
    await warnOfForgedText(manifest, reader, plan, order);
    if (seedPlan) tellSeedPlan(seedPlan, host.name, emit);
    if (order.dryRun) return { plan, compared: [], seed: seedPlan && { plan: seedPlan, done: null } };
    const login = await order.seed?.login();
    emit({
      kind: 'note',
      subject: host.name,
      text: `${run} of ${reader.where}: signature and key fit, verifying every byte`,
    });
    await verifyAll(plan, manifest, reader, order);
    const { sealed, failures } = await trusting(plan, order, async () => {
      for (const name of plan.drops) await execute(target, `DROP DATABASE ${quoteIdentifier(name)}`);
      return await loadArchives(plan, manifest, reader, passphrase, order);
    });
    const { compared, differences } = await compareRestored(sealed, manifest, {
      ...{ target, emit, piecesOf },
      selections: plan.selections,
    });
    if (failures.length > 0) throw notEverything(failures, compared, differences, order);
    if (differences.length > 0) throw notTheSame(differences);
    if (!seedPlan || !login) return { plan, compared, seed: null };
    const done = await seed(target, seedPlan, login, { subject: host.name, emit, signal });
    return { plan, compared, seed: { plan: seedPlan, done } };
  } finally {
    place.close();
  }
}

/** Nothing here reads RECOVERY.txt, but somebody may type what stands in it. */
async function warnOfForgedText(
  { host, instructions }: Manifest,
  reader: RunReader,
  { form }: RestorePlan,
  { emit }: RestoreOrder,
): Promise<void> {
  const text = await readSmall(reader, RECOVERY_FILE);
  if (text && sha256Of(text) === instructions?.[form]) return;
  const why = text ? 'is not as it was written' : 'is missing';
  const hint = 'type nothing that stands in it; RECOVERY.md of coffre has the commands';
  emit({ kind: 'warning', subject: host, text: `${RECOVERY_FILE} of ${reader.where} ${why}`, hint });
}

/** The run's passphrase, out of the envelope that was made for the owner of this key. Throws `private-key`. */
async function unwrapFor(privateKey: KeyObject, manifest: Manifest, reader: RunReader): Promise<Passphrase> {
  const fingerprint = sha256Of(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
  const recipient = manifest.recipients.find((each) => each.fingerprint === fingerprint);
  if (!recipient) {
    const names = manifest.recipients.map(({ name }) => name).join(', ');
    throw new CoffreError('private-key', `cannot open ${manifest.run}: this private key is none of its recipients'`, {
      hint: `use the key of one of: ${names}; compare fingerprints with: npx zx tasks/keys.ts list`,
    });
  }
  const { file, sha256 } = recipient.wrappedKey;
  const wrapped = await readSmall(reader, file);
  if (wrapped && sha256Of(wrapped) === sha256) return unwrapPassphrase(wrapped, privateKey);
  throw new CoffreError(
    'verification-failed',
    `cannot use ${file} of ${reader.where}: ${wrapped ? 'its digest differs' : 'it is missing'}`,
    {
      hint: `take ${file} from another copy of the run: store, export, offsite, or ${manifest.host}'s keys folder`,
    },
  );
}

async function verifyAll(
  plan: RestorePlan,
  manifest: Manifest,
  reader: RunReader,
  { emit, signal }: RestoreOrder,
): Promise<void> {
  const files = plan.form === 'offsite' && manifest.dayArchive ? [manifest.dayArchive] : plan.archives;
  for (const file of files) {
    const meter = { emit, signal, phase: 'verify', subject: file.file, totalBytes: file.sealedBytes };
    const watch = (bytes: Bytes) => metered(bytes, meter);
    await drain(await readSealed(reader, file, { watch, passing: 'watched' }));
  }
}

/** Does the work with the server set to take functions and triggers, where that is needed, and sets it back. */
async function trusting<T>(plan: RestorePlan, { target, host, emit }: RestoreOrder, work: () => Promise<T>) {
  if (!plan.trustsCreators) return await work();
  const text = 'log_bin_trust_function_creators is 1 while functions and triggers are loaded, and then 0 again';
  emit({ kind: 'note', subject: host.name, text });
  await trustCreators(target, true);
  try {
    return await work();
  } finally {
    await trustCreators(target, false).catch(() => {
      const text = 'log_bin_trust_function_creators could not be set back to 0';
      emit({
        kind: 'warning',
        subject: host.name,
        text,
        hint: 'run: SET GLOBAL log_bin_trust_function_creators = 0;',
      });
    });
  }
}

function notTheSame(differences: readonly string[]): CoffreError {
  return new CoffreError(
    'verification-failed',
    'cannot call this restored: what was loaded differs from what was backed up',
    {
      hint: 'drop what differs and restore it again; if it differs again, keep the copy and tell us',
      findings: differences,
    },
  );
}

/** What a person has to do is the same for all that has failed: mend it there, and restore it alone. */
function notEverything(
  failures: readonly LoadFailure[],
  compared: readonly string[],
  differences: readonly string[],
  { host, emit }: RestoreOrder,
): CoffreError {
  const same = differences.length > 0 ? [] : compared;
  const text = `restored, and the same as in the backup: ${same.join(', ')}`;
  if (same.length > 0) emit({ kind: 'note', subject: host.name, text });
  const names = failures.map(({ archive }) => archive.database ?? 'the accounts');
  const again = failures.map(({ archive: { database } }) =>
    database === null ? '--accounts' : `--database ${quotePosix(database)}`,
  );
  return new CoffreError('restore-failed', `cannot restore ${names.join(', ')}: loading has failed, all else is done`, {
    hint: `mend what is said of each, then restore what is missing, with the same options and: ${again.join(' ')}`,
    findings: [...failures.map(({ error }) => error.message), ...differences],
  });
}
