import * as z from 'zod';
import { loadedAs } from '../lib/flow/plan-selections.ts';
import { primaryOf } from '../lib/flow/primary-of.ts';
import type { Attended } from '../lib/flow/read-attended-restore.ts';
import { readReplicationLogin } from '../lib/flow/replication-login.ts';
import { type RestoreResult, restore } from '../lib/flow/restore.ts';
import { restoreTarget } from '../lib/flow/restore-target.ts';
import type { SeedWish } from '../lib/flow/seed.ts';
import { selectHost } from '../lib/flow/select-hosts.ts';
import { CoffreError } from '../lib/model/error.ts';
import type { HostConfig, Inventory } from '../lib/model/inventory.ts';
import { RunId } from '../lib/model/run-id.ts';
import { formatRestore } from '../lib/report/restore-result.ts';
import { inventoryOf } from './inventory-option.ts';
import { OFFLINE_OPTIONS, offlineOf } from './offline-option.ts';
import { attendable, ON_OPTIONS, restoreElsewhere } from './on-option.ts';
import { keyOption } from './private-key-option.ts';
import { PUT_BACK_OPTION, putBackOf, refuseOthers } from './put-back-option.ts';
import { putsBack, withPutBackInFull } from './put-back-words.ts';

import { listOf, runTask, textOf } from './run-task.ts';

import { listSelections, SELECTION_OPTIONS, selectionOf } from './selection-option.ts';
import type { TaskContext } from './task.ts';
import { askPassphrase } from './terminal.ts';
import { typedNames } from './typed-names.ts';

await runTask({
  verb: 'restore',
  usage: '[host] --key FILE [--from PLACE]',
  summary: `Restores a run, or some of its databases, into the server of the host, from the nearest copy that is whole. Every byte is
verified before anything is loaded; what was loaded is compared, table by table, with the digests that were sealed with it.
A database that is there is refused unless its name is given with --overwrite, or typed at the terminal: then the old one
is moved aside, and dropped only once the new one is verified; if that fails, it comes back. One that the server does not
take is told at the end, and does not keep the others from coming. Without --database the accounts and their grants come
too; an account that is there gets the password of the backup, and its grants beside those that it has. Only the account that
this restore is logged in as, and root@localhost and the others that a server is installed with, keep how they log in.`,
  options: {
    key: '=FILE  the private key of a recipient; its passphrase is asked for',
    from: '=PLACE  store, export, offsite:<name>, or a folder (default: the nearest of these that has the run whole)',
    run: '=RUN  such as 2026-11-22T040000Z (default: latest, the newest there is)',
    database: '=…NAME  only this database; can be given several times',
    ...SELECTION_OPTIONS,
    accounts: 'the accounts and their grants: beside --database, or alone',
    overwrite:
      '=…NAME  replace this database; the old one goes once the new one is verified; can be given several times',
    'drop-first':
      '=…NAME  … drop it before the new one is loaded, where it cannot be moved aside: nothing brings it back',
    'defaults-file': "=FILE  option file of an account that may create databases (default: the mariadb client's own)",
    socket: '=PATH  another server than that of the inventory',
    'as-replica': 'then follow the primary, from where the run ends: only the whole run, only into an empty server',
    primary: '=ADDRESS[:PORT]  the primary, if the inventory does not say it, or another is meant',
    'primary-ca': '=FILE  authority of its certificate, a path on the restored server: the replica connects over TLS',
    'replication-file': '=FILE  option file, mode 0600, with user and password of the replication user',
    'replication-user': '=NAME  … or its name: the password is in the .env file of the host, or asked for',
    ...PUT_BACK_OPTION,
    ...OFFLINE_OPTIONS,
    parallel: '=N  connections that load at a time (default: one for each core)',
    'dry-run': 'print the plan and do nothing',
    'passphrase-file': '=FILE  the passphrase of the key is the first line of this file',
    'passphrase-fd': '=N  … or of this descriptor; through npx only 0 works',
    ...ON_OPTIONS,
  },
  examples: [
    'db1 --key ~/keys/company.pem --from offsite:contractor --dry-run',
    'db1 --key ~/keys/company.pem --database shop --overwrite shop',
    'db1 --key ~/keys/company.pem --on db1 --from offsite:contractor',
    'db2 --key ~/keys/company.pem --as-replica --replication-file repl.cnf --socket /run/mysqld/new.sock',
    'db1 --key ~/keys/escrow.pem --from /mnt/usb/2026-11-22T040000Z --passphrase-fd 0 < passphrase.txt',
    '--key escrow.pem --from /mnt/usb/2026-11-22T040000Z --signers allowed_signers --socket /run/mysqld/mysqld.sock',
  ],
  run: attendable(
    withPutBackInFull(async ({ values, words, emit, signal }, attended?: Attended) => {
      const here = async () => attended?.target ?? (await sourceOf(values, words, undefined, undefined)).host;
      if (putsBack(values)) {
        if (textOf(values, 'on') === undefined) return await putBackOf(values, here, emit);
        refuseOthers(values);
        const source = await sourceOf(values, words, undefined, undefined);
        return await restoreElsewhere({ values, ...source, run: undefined, opening: undefined, emit, signal });
      }
      const opening = attended ? async () => attended.opening : keyOption(values);
      const named = textOf(values, 'run');
      const run = RunId.optional().safeParse(named === 'latest' ? undefined : named);
      if (!run.success)
        throw new CoffreError('usage', 'cannot read --run', { hint: 'such as --run 2026-11-22T040000Z, or latest' });
      const { inventory, host } = await sourceOf(values, words, run.data, attended);
      const selection = selectionOf(values);
      const ofTables = selection?.tables.map(({ database }) => database) ?? [];
      const databases = [...new Set([...listOf(values, 'database'), ...ofTables])];
      const some = databases.length > 0 || values.accounts === true;
      const seed = seedOf(values, host, inventory, attended?.target ?? host);
      const replaces = [...listOf(values, 'overwrite'), ...listOf(values, 'drop-first')];
      if (seed && (some || selection || replaces.length > 0)) {
        throw new CoffreError('usage', 'cannot make a replica of a part: it needs the whole run, and an empty server', {
          hint: 'leave out --database, --accounts, --overwrite, --drop-first, and all that changes what is loaded',
        });
      }
      if (textOf(values, 'on') !== undefined) {
        return await restoreElsewhere({ values, inventory, host, run: run.data, opening, emit, signal });
      }
      const target = await restoreTarget(
        attended?.target ?? host,
        textOf(values, 'defaults-file'),
        textOf(values, 'socket'),
      );
      const result = await restore({
        host,
        inventory,
        from: textOf(values, 'from'),
        run: run.data,
        databases: some ? databases : undefined,
        accounts: !some || values.accounts === true,
        overwrite: listOf(values, 'overwrite'),
        selection,
        dropFirst: listOf(values, 'drop-first'),
        confirm: seed ? undefined : typedNames(values),
        opening: await opening(),
        places: attended?.places,
        target,
        seed,
        parallel: parallelOf(values),
        dryRun: values['dry-run'] === true,
        emit,
        signal,
      });
      return {
        text: formatRestore(result, values['dry-run'] === true),
        data: { ...result, plan: { ...result.plan, selections: listSelections(result.plan.selections) } },
        exitCode: exitCodeOf(result, values['dry-run'] === true),
      };
    }),
  ),
});

/** What nobody could compare may be good, and is not known to be. */
function exitCodeOf({ plan, compared, undecided }: RestoreResult, dryRun: boolean): number {
  if (plan.refused.length > 0) return 8;
  const loaded = dryRun ? [] : plan.archives.flatMap((archive) => loadedAs(archive, plan.selections) ?? []);
  return loaded.every((name) => compared.includes(name)) && undecided.length === 0 ? 0 : 3;
}

function parallelOf(values: TaskContext['values']): number | undefined {
  const parallel = z.coerce.number().int().min(1).max(64).optional().safeParse(textOf(values, 'parallel'));
  if (parallel.success) return parallel.data;
  throw new CoffreError('usage', 'cannot read --parallel', { hint: 'a number from 1 to 64, such as --parallel 4' });
}

interface Source {
  readonly inventory: Inventory;
  readonly host: HostConfig;
}

/** Whose run it is, by what control has sent, by a folder alone, or by the inventory. */
async function sourceOf(
  values: TaskContext['values'],
  words: readonly string[],
  run: RunId | undefined,
  attended: { readonly inventory: Inventory } | undefined,
): Promise<Source> {
  const offline = attended ? undefined : await offlineOf(values, words, run);
  if (offline) return offline;
  const inventory = attended?.inventory ?? (await inventoryOf(values));
  return { inventory, host: selectHost(inventory, words) };
}

function seedOf(
  values: TaskContext['values'],
  host: HostConfig,
  inventory: Inventory,
  { secrets }: HostConfig,
): SeedWish | undefined {
  if (values['as-replica'] !== true) return undefined;
  return {
    primary: primaryOf(host, inventory, textOf(values, 'primary'), textOf(values, 'primary-ca')),
    login: () =>
      readReplicationLogin({
        optionFile: textOf(values, 'replication-file'),
        secretsPath: secrets.path,
        user: textOf(values, 'replication-user'),
        ask: process.stdin.isTTY ? (prompt) => askPassphrase(prompt, undefined) : undefined,
      }),
  };
}
