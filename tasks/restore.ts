import { primaryOf } from '../lib/flow/primary-of.ts';
import { readPrivateKey } from '../lib/flow/read-private-key.ts';
import { readReplicationLogin } from '../lib/flow/replication-login.ts';
import { restore } from '../lib/flow/restore.ts';
import { restoreTarget } from '../lib/flow/restore-target.ts';
import type { SeedWish } from '../lib/flow/seed.ts';
import { selectHost } from '../lib/flow/select-hosts.ts';
import { CoffreError } from '../lib/model/error.ts';
import type { HostConfig, Inventory } from '../lib/model/inventory.ts';
import { RunId } from '../lib/model/run-id.ts';
import { formatRestore } from '../lib/report/restore-result.ts';
import { inventoryOf } from './inventory-option.ts';
import { passphraseOf } from './passphrase-option.ts';
import { listOf, runTask, type TaskContext, textOf } from './run-task.ts';
import { SELECTION_OPTIONS, selectionOf } from './selection-option.ts';
import { askPassphrase } from './terminal.ts';

await runTask({
  verb: 'restore',
  usage: '[host] --key FILE [--from PLACE]',
  summary: `Restores a run, or some of its databases, into the server of the host. Every byte is verified before anything is loaded;
what was loaded is compared, table by table, with the digests that were sealed with it. A database that is there is
refused unless its name is given with --overwrite; one that the server does not take is told at the end, and does not
keep the others from coming. Without --database the accounts and their grants come too; an account that is there gets
the password of the backup, and its grants beside those that it has.`,
  options: {
    key: '=FILE  the private key of a recipient; its passphrase is asked for',
    from: '=PLACE  store, export, offsite:<name>, or a folder (default: store)',
    run: '=RUN  such as 2026-11-22T040000Z (default: the newest at that place)',
    database: '=…NAME  only this database; can be given several times',
    ...SELECTION_OPTIONS,
    accounts: 'the accounts and their grants: beside --database, or alone',
    overwrite: '=…NAME  drop this database and load it anew; can be given several times',
    'defaults-file': "=FILE  option file of an account that may create databases (default: the mariadb client's own)",
    socket: '=PATH  another server than that of the inventory',
    'as-replica': 'then follow the primary, from where the run ends: only the whole run, only into an empty server',
    primary: '=ADDRESS[:PORT]  the primary, if the inventory does not say it, or another is meant',
    'primary-ca': '=FILE  authority of its certificate, a path on the restored server: the replica connects over TLS',
    'replication-file': '=FILE  option file, mode 0600, with user and password of the replication user',
    'replication-user': '=NAME  … or its name: the password is in the .env file of the host, or asked for',
    'dry-run': 'print the plan and do nothing',
    'passphrase-file': '=FILE  the passphrase of the key is the first line of this file',
    'passphrase-fd': '=N  … or of this descriptor; through npx only 0 works',
  },
  examples: [
    'db1 --key ~/keys/company.pem --from offsite:contractor --dry-run',
    'db1 --key ~/keys/company.pem --database shop --overwrite shop',
    'db2 --key ~/keys/company.pem --as-replica --replication-file repl.cnf --socket /run/mysqld/new.sock',
    'db1 --key ~/keys/escrow.pem --from /mnt/usb/2026-11-22T040000Z --passphrase-fd 0 < passphrase.txt',
  ],
  async run({ values, words, emit, signal }) {
    const inventory = await inventoryOf(values);
    const host = selectHost(inventory, words);
    const keyPath = textOf(values, 'key');
    if (keyPath === undefined) {
      throw new CoffreError('usage', 'cannot restore without a private key', {
        hint: 'name one: --key ~/keys/company.pem',
      });
    }
    const run = RunId.optional().safeParse(textOf(values, 'run'));
    if (!run.success) throw new CoffreError('usage', 'cannot read --run', { hint: 'such as --run 2026-11-22T040000Z' });
    const selection = selectionOf(values);
    const ofTables = selection?.tables.map(({ database }) => database) ?? [];
    const databases = [...new Set([...listOf(values, 'database'), ...ofTables])];
    const some = databases.length > 0 || values.accounts === true;
    const seed = seedOf(values, host, inventory);
    if (seed && (some || selection || listOf(values, 'overwrite').length > 0)) {
      throw new CoffreError('usage', 'cannot make a replica of a part: it needs the whole run, and an empty server', {
        hint: 'leave out --database, --accounts, --overwrite, and all that changes what is loaded',
      });
    }
    const result = await restore({
      host,
      inventory,
      from: textOf(values, 'from') ?? 'store',
      run: run.data,
      databases: some ? databases : undefined,
      accounts: !some || values.accounts === true,
      overwrite: listOf(values, 'overwrite'),
      selection,
      privateKey: await readPrivateKey(keyPath, () => passphraseOf(values, `Passphrase of ${keyPath}`)),
      target: restoreTarget(host, textOf(values, 'defaults-file'), textOf(values, 'socket')),
      seed,
      dryRun: values['dry-run'] === true,
      emit,
      signal,
    });
    return {
      text: formatRestore(result, values['dry-run'] === true),
      data: result,
      exitCode: result.plan.refused.length === 0 ? 0 : 8,
    };
  },
});

function seedOf(values: TaskContext['values'], host: HostConfig, inventory: Inventory): SeedWish | undefined {
  if (values['as-replica'] !== true) return undefined;
  return {
    primary: primaryOf(host, inventory, textOf(values, 'primary'), textOf(values, 'primary-ca')),
    login: () =>
      readReplicationLogin({
        optionFile: textOf(values, 'replication-file'),
        secretsPath: host.secrets.path,
        user: textOf(values, 'replication-user'),
        ask: process.stdin.isTTY ? (prompt) => askPassphrase(prompt, undefined) : undefined,
      }),
  };
}
