import { join, relative } from 'node:path';
import { loadSql } from '../database/load-sql.ts';
import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { Manifest } from '../model/manifest.ts';
import { openPrivateKey } from '../seal/private-key.ts';
import { systemClock } from '../system/clock.ts';
import { exists, readRequired, removeDurably } from '../system/files.ts';
import { auditInit } from './audit-init.ts';
import { type ContentDigests, compareContent, readContent } from './compare-content.ts';
import { contractorLetsIn, type EmbeddedWorld, startEmbeddedWorld, stopEmbeddedWorld } from './embedded-world.ts';
import { operatorLogin } from './login.ts';
import { provision } from './provision.ts';
import { QUICKSTART_ACCOUNTS, QUICKSTART_DATABASES, QUICKSTART_SQL } from './quickstart-data.ts';
import { recoverByHand } from './recover-by-hand.ts';
import { releaseShelf } from './release-shelf.ts';
import { restore } from './restore.ts';
import { runNightlyTask } from './run-nightly-task.ts';
import { assertValid, validate } from './validate.ts';

const NOTE = `These keys belong to the demo that \`npm run quickstart\` has made. passphrase.txt opens them, and it is written
here only because this is a demo: a real private key and its passphrase are kept apart, and off every server.
`;

export interface QuickstartResult {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly databases: readonly string[];
}

/** Ends what an earlier quickstart in `folder` has started, and nothing else. The folder stays. */
export async function stopQuickstart(folder: string): Promise<void> {
  if (await exists(folder)) await stopEmbeddedWorld(folder);
}

/**
 * The whole story on real parts in `folder`, told through `emit`: provision, back up as cron would, validate, lose everything, restore from the
 * off-site copy with this software and then without it, and compare by content each time. The servers go on.
 */
export async function quickstart(folder: string, emit: Emit, signal: AbortSignal): Promise<QuickstartResult> {
  const tell = async <T>(phase: string, subject: string, act: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    emit({ kind: 'phase-started', phase, subject });
    const from = performance.now();
    const result = await act();
    emit({ kind: 'phase-ended', phase, subject, durationMs: Math.round(performance.now() - from) });
    return result;
  };
  await stopQuickstart(folder);
  await removeDurably(folder);
  const world = await tell('servers', "a MariaDB, a contractor's sshd, an audit repository, two recipients' keys", () =>
    startEmbeddedWorld({ folder, passphraseNote: NOTE, bare: true }),
  );
  try {
    return await story(world, tell, emit, signal);
  } catch (error) {
    await world.stop();
    throw error;
  }
}

type Tell = <T>(phase: string, subject: string, act: () => Promise<T>) => Promise<T>;

async function story(world: EmbeddedWorld, tell: Tell, emit: Emit, signal: AbortSignal): Promise<QuickstartResult> {
  const { server, keys, folder } = world;
  await tell('data', 'three databases with views, triggers, routines, events, history, and accounts', () =>
    loadSql(server.root, QUICKSTART_SQL),
  );
  const before = await tell('remember', 'what is in them, table by table', () =>
    readContent(server.root, QUICKSTART_DATABASES),
  );

  const made = await tell('provision', 'over SSH: agent, keys, account, cron entry', () =>
    provisionHost(world, emit, signal),
  );
  emit({ kind: 'note', subject: world.hostName, text: made });
  const again = await tell('provision', 'once more, to see that nothing is left to do', () =>
    provisionHost(world, emit, signal),
  );
  emit({ kind: 'note', subject: world.hostName, text: again });
  const [inventory, host] = [await world.inventory(), await world.host()];
  await tell('audit', 'the empty audit repository: who may sign, and how an auditor checks it', () =>
    auditInit({ inventory, sources: {}, dryRun: false, clock: systemClock, emit: () => undefined, signal }),
  );
  emit({
    kind: 'note',
    subject: host.name,
    text: `what stands in ${relative(folder, host.scheduler.cronFile)} is run as cron would`,
  });
  const { manifest, owed } = await runNightlyTask(host.scheduler.cronFile, emit);
  if (owed.length > 0) {
    const what = owed.map((each) => each.what).join(', ');
    throw new CoffreError('owed', `cannot call the backup whole: ${what} is owed`, { hint: 'look at the lines above' });
  }

  await tell('validate', 'the audit repository: schema, signatures, chain, freshness', async () => {
    assertValid(await validate({ inventory, source: { location: world.auditRepository }, clock: systemClock }));
  });

  const lose = () =>
    loadSql(
      server.root,
      [
        ...QUICKSTART_DATABASES.map((name) => `DROP DATABASE ${name};`),
        ...QUICKSTART_ACCOUNTS.map((name) => `DROP USER ${name};`),
      ].join('\n'),
    );
  await tell('disaster', 'every database and the accounts of the application are dropped', lose);
  await tell('restore', "from the contractor's copy, with coffre and the company's key", async () => {
    const privateKey = openPrivateKey((await readRequired(keys.company)).toString('utf8'), keys.passphrase);
    await restore({
      host,
      inventory,
      from: 'offsite:contractor',
      accounts: true,
      overwrite: [],
      opening: { kind: 'key', privateKey },
      target: server.root,
      dryRun: false,
      emit,
      signal,
    });
  });
  await tell('compare', 'every table with what was there before', () => assertSame(world, before));

  await tell('disaster', 'and again', lose);
  await tell(
    'restore',
    "from the same copy, with the commands of its RECOVERY.txt in a bare shell and the escrow's key",
    () =>
      recoverByHand({
        runFolder: join(folder, 'offsite/backups/db1', manifest.run),
        recipient: 'escrow',
        privateKeyPath: keys.escrow,
        passphrase: keys.passphrase,
        clientOptions: world.adminOptions,
      }),
  );
  await tell('compare', 'every table with what was there before', () => assertSame(world, before));
  return { folder: relative(process.cwd(), folder) || '.', manifest, databases: QUICKSTART_DATABASES };
}

/** Converges the host and lets the contractor do his part. Returns what was changed, in a few words. */
async function provisionHost(world: EmbeddedWorld, emit: Emit, signal: AbortSignal): Promise<string> {
  const [inventory, host] = [await world.inventory(), await world.host()];
  const wish = { desired: 'present', apply: true, lookAround: false, parallel: 1 } as const;
  const quiet: Emit = (event) => (event.kind === 'warning' ? emit(event) : undefined);
  const login = operatorLogin(undefined, undefined);
  const context = { inventory, login, releases: releaseShelf(), clock: systemClock, emit: quiet, signal };
  const [outcome] = await provision([host], wish, context);
  if (!outcome?.ok) throw outcome?.error;
  const { applied, identities } = outcome.converged;
  if (applied.length === 0) return 'nothing to change';
  for (const { publicKey } of identities) await contractorLetsIn(world.folder, publicKey);
  const kinds = [...new Set(applied.map(({ kind }) => kind))];
  const counted = kinds.map((kind) => `${applied.filter((change) => change.kind === kind).length} ${kind}`);
  return `${applied.length} changes: ${counted.join(', ')}; the contractor let the new key in`;
}

async function assertSame({ server }: EmbeddedWorld, before: ContentDigests): Promise<void> {
  const differences = compareContent(before, await readContent(server.root, QUICKSTART_DATABASES));
  if (differences.length === 0) return;
  throw new CoffreError('verification-failed', 'cannot call this restored: the content differs', {
    findings: differences,
  });
}
