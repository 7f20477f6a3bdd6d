import { createPublicKey, type KeyObject } from 'node:crypto';
import type { ArchiveDigests } from '../archive/digests.ts';
import { openArchive } from '../archive/open-archive.ts';
import { execute } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { readDumpProgram } from '../database/dump-program.ts';
import { loadAccounts, loadSql } from '../database/load-sql.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import { inspectTarget, trustCreators } from '../database/target.ts';
import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { Archive, Manifest, TrustedManifest } from '../model/manifest.ts';
import type { DatabaseName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { unwrapPassphrase } from '../seal/envelope.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { drain } from '../system/bytes.ts';
import { sha256Of } from '../system/files.ts';
import { compareContent, readContent } from './compare-content.ts';
import { openPlace, openRunAt } from './find-copy.ts';
import { metered } from './metered.ts';
import { openArchives } from './open-archives.ts';
import { assertAllowed, planRestore, type RestorePlan } from './plan-restore.ts';
import { readManifest } from './read-manifest.ts';
import { readSealed } from './read-sealed.ts';
import { RECOVERY_FILE } from './run-files.ts';
import { tellLostGrants } from './tell-lost-grants.ts';

export interface RestoreOrder {
  readonly host: HostConfig;
  readonly inventory: Inventory;
  /** `store`, `export`, `offsite:<name>`, or a folder. */
  readonly from: string;
  /** The newest there, if absent. */
  readonly run?: RunId | undefined;
  /** Only these databases; all of them if absent. */
  readonly databases?: readonly string[] | undefined;
  readonly accounts: boolean;
  /** Databases that may be there already, and are dropped before they are loaded. */
  readonly overwrite: readonly string[];
  readonly privateKey: KeyObject;
  readonly target: Connection;
  /** Plan, and do nothing. */
  readonly dryRun: boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface RestoreResult {
  readonly plan: RestorePlan;
  /** Databases that were dumped once more after the load, and had the digests that were sealed with them. */
  readonly compared: readonly string[];
}

/**
 * Restores from a copy: manifest → plan → key → every byte verified → load → compare. Nothing is dropped or loaded
 * before all that is to be read has been verified. A database whose load fails is dropped again. Throws by the table.
 */
export async function restore(order: RestoreOrder): Promise<RestoreResult> {
  const { host, inventory, target, emit, signal } = order;
  const place = await openPlace(host, order.from, signal);
  try {
    const { run, reader } = await openRunAt(place, order.run);
    const trusted = await readManifest(reader, host.name, run, inventory.allowedSigners);
    const { manifest } = trusted;
    const plan = planRestore(manifest, {
      ...(await inspectTarget(target).then(({ databases, ...rest }) => ({ present: databases, ...rest }))),
      where: reader.where,
      files: await reader.list(),
      databases: order.databases,
      accounts: order.accounts,
      overwrite: order.overwrite,
    });
    if (!order.dryRun) assertAllowed(plan);
    const passphrase = await unwrapFor(order.privateKey, manifest, reader);
    await warnOfForgedText(manifest, reader, plan, order);
    if (order.dryRun) return { plan, compared: [] };
    emit({
      kind: 'note',
      subject: host.name,
      text: `${run} of ${reader.where}: signature and key fit, verifying every byte`,
    });
    await verifyAll(plan, manifest, reader, order);
    const sealed = await trusting(plan, order, async () => {
      for (const name of plan.drops) await execute(target, `DROP DATABASE ${quoteIdentifier(name)}`);
      return await loadAll(plan, trusted, reader, passphrase, order);
    });
    return { plan, compared: await compare(sealed, manifest, order) };
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

async function verifyAll(plan: RestorePlan, manifest: Manifest, reader: RunReader, order: RestoreOrder): Promise<void> {
  const files = plan.form === 'offsite' && manifest.dayArchive ? [manifest.dayArchive] : plan.archives;
  for (const file of files)
    await drain(await readSealed(reader, file, meter('verify', file.file, file.sealedBytes, order)));
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

/** Loads every archive of the plan, and returns what each says of its content. */
async function loadAll(
  plan: RestorePlan,
  { manifest }: TrustedManifest,
  reader: RunReader,
  passphrase: Passphrase,
  order: RestoreOrder,
): Promise<ReadonlyMap<Archive, ArchiveDigests>> {
  const { target, emit } = order;
  const loaded = new Map<Archive, ArchiveDigests>();
  for await (const { archive, content } of openArchives(plan, manifest, reader, passphrase)) {
    const subject = archive.database ?? 'accounts';
    const from = performance.now();
    const opened = openArchive(content, subject);
    try {
      const sql = meter('load', subject, archive.plainBytes, order)(opened.sql);
      if (archive.database !== null) await loadSql(target, sql, subject);
      else {
        const lost = await loadAccounts(target, sql);
        if (lost.length > 0) tellLostGrants(lost, (await inspectTarget(target)).databases, emit);
      }
      loaded.set(archive, await opened.digests);
    } catch (error) {
      if (archive.database !== null) await takeBack(archive.database, order);
      throw error;
    }
    emit({ kind: 'phase-ended', phase: 'load', subject, durationMs: Math.round(performance.now() - from) });
  }
  const missing = plan.archives.filter((archive) => !loaded.has(archive));
  if (missing.length === 0) return loaded;
  throw new CoffreError(
    'verification-failed',
    `cannot restore ${missing.map(({ file }) => file).join(', ')}: not in the day archive`,
    {
      hint: 'take another copy of the run',
    },
  );
}

/** Drops a database whose load was cut short: nobody may take it for the whole one. */
async function takeBack(database: DatabaseName, { target, emit }: RestoreOrder): Promise<void> {
  const warn = (text: string, hint: string) => emit({ kind: 'warning', subject: database, text, hint });
  const statement = `DROP DATABASE IF EXISTS ${quoteIdentifier(database)}`;
  await execute(target, statement).then(
    () => warn('its load was cut short, and what was there of it is dropped again', 'run the restore again'),
    () => warn('its load was cut short, and what is there of it could not be dropped', `run: ${statement};`),
  );
}

/** Dumps what was loaded once more and compares it with the digests that were sealed inside the archives. */
async function compare(
  sealed: ReadonlyMap<Archive, ArchiveDigests>,
  manifest: Manifest,
  { target, emit }: RestoreOrder,
): Promise<readonly string[]> {
  const databases = [...sealed.keys()].flatMap(({ database }) => database ?? []);
  const program = await readDumpProgram();
  if (program.version !== manifest.software.dump) {
    const text = `not compared by content: this ${program.version} writes other SQL than the ${manifest.software.dump} of the backup`;
    emit({ kind: 'warning', subject: manifest.host, text, hint: 'count rows and look at the newest ones by hand' });
    return [];
  }
  const expected = new Map(
    [...sealed].flatMap(([{ database }, { sections }]) => (database === null ? [] : [[database, sections] as const])),
  );
  const differences = compareContent(expected, await readContent(target, databases as DatabaseName[]));
  if (differences.length === 0) return databases;
  throw new CoffreError(
    'verification-failed',
    'cannot call this restored: what was loaded differs from what was backed up',
    {
      hint: 'drop what differs and restore it again; if it differs again, keep the copy and tell us',
      findings: differences,
    },
  );
}

function meter(phase: string, subject: string, totalBytes: number, { emit, signal }: RestoreOrder) {
  return <S extends AsyncIterable<Buffer>>(source: S): S =>
    metered(source, { emit, phase, subject, totalBytes, signal });
}
