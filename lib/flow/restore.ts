import { assertCanDecompress } from '../archive/decompress.ts';
import type { MadeNames } from '../archive/made-names.ts';
import type { CaughtUp } from '../database/catch-up.ts';
import type { Connection } from '../database/connection.ts';
import { assertClientTakes } from '../database/sandbox-line.ts';
import type { ReplicationLogin } from '../database/seed-replica.ts';
import { inspectSeedTarget } from '../database/seed-target.ts';
import type { Archive } from '../model/archive-record.ts';
import { compressionOf } from '../model/compression.ts';
import type { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { RevealedManifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import type { SelectionWish } from '../model/selection.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { quotePosix } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';
import { assertDefinersThere } from './assert-definers-there.ts';
import { assertRenamable } from './assert-renamable.ts';
import { compareRestored } from './compare-restored.ts';
import type { CopyPlace } from './find-copy.ts';
import { joinDatabases, readTableNames } from './join-database.ts';
import { loadArchives } from './load-archives.ts';
import { type Considered, type CopyWish, nearestCopy, type Prove } from './nearest-copy.ts';
import { type Opening, passphraseOf } from './opening.ts';
import { assertAllowed } from './plan-replacements.ts';
import type { RestorePlan } from './plan-restore.ts';
import { planSeed, type SeedPlan } from './plan-seed.ts';
import { remarksOnSelections } from './plan-selections.ts';
import { readManifest } from './read-manifest.ts';
import { readPieces } from './read-pieces.ts';
import { replacing } from './replacing.ts';
import { agreement } from './restore-agreement.ts';
import { notEverything, notTheSame } from './restore-failures.ts';
import { revealNames } from './reveal-names.ts';
import { type SeedWish, seed, tellSeedPlan } from './seed.ts';
import { tellMissingDefiners } from './tell-missing-definers.ts';
import { tellMissingParents } from './tell-missing-parents.ts';
import { trusting } from './trusting.ts';
import { verifyCopy, warnOfForgedText } from './verify-copy.ts';

export interface RestoreOrder {
  readonly host: HostConfig;
  readonly inventory: Inventory;
  /** `store`, `export`, `offsite:<name>`, or a folder; the nearest of the host's places that has the run whole, if absent. */
  readonly from?: string | undefined;
  /** The newest there is, if absent. */
  readonly run?: RunId | undefined;
  /** Only these databases, which may be none; all of them if absent. */
  readonly databases?: readonly string[] | undefined;
  readonly accounts: boolean;
  /** Databases that may be there already: moved out of the way, and dropped once the new ones are verified. */
  readonly overwrite: readonly string[];
  /** Databases that may be dropped before the new ones are there, such as those that cannot be moved. */
  readonly dropFirst?: readonly string[] | undefined;
  /** Asks a person which of the databases that a plan refuses to overwrite may be; nobody is asked if absent. */
  readonly confirm?: ((plan: RestorePlan) => Promise<readonly string[]>) | undefined;
  readonly opening: Opening;
  /** Where copies are, when they are at none of those that `from` names, the nearest first; closed by the restore. */
  readonly places?: readonly CopyPlace[] | undefined;
  /** Some tables, another name, other definers, …; all as it was if absent. */
  readonly selection?: SelectionWish | undefined;
  readonly target: Connection;
  /** Makes the server a replica once everything is loaded. It has to be empty for that, and gets the whole run. */
  readonly seed?: SeedWish | undefined;
  /** Connections that load, and then databases that are compared, at a time; one for each core if absent. */
  readonly parallel?: number | undefined;
  /** Plan, and do nothing. */
  readonly dryRun: boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface RestoreResult {
  readonly plan: RestorePlan;
  /** The places that were looked at, the nearest first, and what became of each. */
  readonly copies: readonly Considered[];
  /** Databases that were dumped once more after the load, and had the digests that were sealed with them. */
  readonly compared: readonly string[];
  /** A sentence for everything of which nobody can tell whether it differs. */
  readonly undecided: readonly string[];
  /** A sentence for each account that logs in here in another way than in the backup, as the plan has said. */
  readonly keptLogins: readonly string[];
  /** null when no replica was asked for; `done` is null for a plan alone. */
  readonly seed: { readonly plan: SeedPlan; readonly done: CaughtUp | null } | null;
}

/**
 * Restores from the nearest copy: manifest → plan → key → every byte verified → old ones aside → load → compare. Nothing is
 * moved, dropped or loaded before all that is to be read has been verified. A database whose load fails is dropped again,
 * and the old one comes back; the others are restored all the same, and it is told at the end. Throws by the table.
 */
export async function restore(wanted: RestoreOrder): Promise<RestoreResult> {
  // What is loaded into a replica has to stay out of its own log: there it would be transactions that nobody else has.
  const order = wanted.seed ? { ...wanted, target: { ...wanted.target, unlogged: true } } : wanted;
  const { host, target, emit, signal } = order;
  const { place, proven, considered } = await nearestCopy(host, copyWish(order), preparing(wanted, order));
  try {
    const { plan, manifest, reader, passphrase, seedPlan, login } = proven;
    if (order.dryRun)
      return {
        plan,
        copies: considered,
        compared: [],
        undecided: [],
        keptLogins: [],
        seed: seedPlan && { plan: seedPlan, done: null },
      };
    const into = plan.mixesLog ? { ...order, target: { ...target, mixedLog: true } } : order;
    const piecesOf = (archive: Archive) => readPieces(archive, plan, manifest, reader, passphrase);
    const { selections, keptLogins: keeps } = plan;
    const context = { target, emit, piecesOf, selections, keptLogins: keeps, parallel: order.parallel };
    const made = new Map<string, MadeNames>();
    const load = async () => {
      const loaded = await loadArchives(plan, manifest, reader, passphrase, { ...into, made });
      return { ...loaded, ...(await compareRestored(loaded.sealed, manifest, context)) };
    };
    const trust = { target, trusts: plan.trustsCreators, left: plan.leftTrusting, subject: host.name, emit };
    const { compared, differences, undecided, keptLogins, failures } = await trusting(trust, () =>
      replacing(plan, { target, emit, made }, load),
    );
    await tellMissingDefiners(target, compared, emit);
    await tellMissingParents(target, plan, emit);
    if (failures.length > 0) throw notEverything(failures, compared, differences, host.name, emit);
    if (differences.length > 0) throw notTheSame(differences, plan.aside.length > 0);
    const restored = { plan, copies: considered, compared, undecided, keptLogins };
    if (!seedPlan || !login) return { ...restored, seed: null };
    const done = await seed(target, seedPlan, login, { subject: host.name, emit, signal });
    return { ...restored, seed: { plan: seedPlan, done } };
  } finally {
    place.close();
  }
}

function copyWish({ from, places, run, host, emit, signal }: RestoreOrder): CopyWish {
  const reject = (place: string, { message }: CoffreError) => {
    const hint = `look at that copy once the restore is done: npx zx tasks/verify.ts ${host.name} --from ${quotePosix(place)}`;
    emit({ kind: 'warning', subject: host.name, text: `the copy in ${place} is not taken: ${message}`, hint });
  };
  return { from, places, run, signal, reject };
}

/** What has to be known, and proven of a copy, before anything is touched. */
interface Prepared {
  readonly plan: RestorePlan;
  /** With real names. */
  readonly manifest: RevealedManifest;
  readonly reader: RunReader;
  readonly passphrase: Passphrase;
  readonly seedPlan: SeedPlan | null;
  readonly login: ReplicationLogin | undefined;
}

/** Plans, opens the envelope, and verifies every byte; in a dry run not that. What a person is asked for is asked once. */
function preparing(wanted: RestoreOrder, order: RestoreOrder): Prove<Prepared> {
  const { host, inventory, emit } = order;
  const agree = agreement(order);
  let login: ReplicationLogin | undefined;
  return async (run, reader, place) => {
    const { allowedSigners } = inventory;
    const trusted = await readManifest(reader, host.name, run, allowedSigners);
    const signed = trusted.manifest;
    // Where names are hashed, nobody can say what is meant before the run is opened.
    const early = signed.names && (await passphraseOf(order.opening, trusted, reader, inventory));
    const manifest = early ? await revealNames(signed, reader, early) : (signed as RevealedManifest);
    const seedTarget = order.seed && (await inspectSeedTarget(wanted.target));
    const plan = await joinDatabases(order.target, await agree(manifest, reader, place.name.startsWith('offsite:')));
    for (const remark of remarksOnSelections(plan.selections)) {
      emit({ kind: 'warning', subject: host.name, ...remark });
    }
    await assertClientTakes(manifest.software.dump);
    assertCanDecompress(plan.archives.flatMap(({ file }) => compressionOf(file) ?? []));
    requireProgram('mariadb-dump'); // it compares: not to be found missing when everything is loaded
    const seedPlan = order.seed && seedTarget ? planSeed(manifest, order.seed.primary, seedTarget) : null;
    if (!order.dryRun) assertAllowed(plan);
    await assertDefinersThere(order.target, order.selection, order.accounts);
    const passphrase = early ?? (await passphraseOf(order.opening, trusted, reader, inventory));
    const piecesOf = (archive: Archive) => readPieces(archive, plan, manifest, reader, passphrase);
    const anyway = order.selection?.asAnyway === true;
    const presentIn = async (database: string) =>
      new Set((await readTableNames(order.target, database)).map(({ name }) => name));
    await assertRenamable(plan.selections, { piecesOf, presentIn, anyway });
    await warnOfForgedText(trusted, reader, plan.form, { allowedSigners, emit });
    for (const { kind, text, hint } of plan.remarks)
      if (kind === 'warning') emit({ kind, subject: host.name, text, hint });
    if (seedPlan) tellSeedPlan(seedPlan, host.name, emit);
    if (order.dryRun) return { plan, manifest, reader, passphrase, seedPlan, login };
    login ??= await order.seed?.login();
    emit({
      kind: 'note',
      subject: host.name,
      text: `${run} of ${reader.where}: signature and key fit, verifying every byte before it goes into ${plan.into}`,
    });
    await verifyCopy(plan, manifest, reader, order);
    return { plan, manifest, reader, passphrase, seedPlan, login };
  };
}
