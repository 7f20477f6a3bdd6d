import { hostSigner, listRecipients, newRecipient } from '../lib/flow/keys.ts';
import { selectHost } from '../lib/flow/select-hosts.ts';
import { CoffreError } from '../lib/model/error.ts';
import { keyEndRemark } from '../lib/model/key-end.ts';
import { RecipientName } from '../lib/model/names.ts';
import { formatTable } from '../lib/report/table.ts';
import { systemClock } from '../lib/system/clock.ts';
import { validityOf } from './days-option.ts';
import { inventoryFolder, inventoryOf } from './inventory-option.ts';
import { PAPER_OPTIONS, paperTask, readPaperTask } from './keys-paper.ts';
import { rewrapTask } from './keys-rewrap.ts';
import { rotateTask } from './keys-rotate.ts';
import { COPY_OPTIONS, testKeyTask } from './keys-test.ts';
import { passphraseOf } from './passphrase-option.ts';

import { runTask, textOf } from './run-task.ts';

import type { TaskContext, TaskResult } from './task.ts';

await runTask({
  verb: 'keys',
  usage:
    'new <recipient> | list | rotate <recipient> | signer [host] | test [host …|--all] | rewrap [host …|--all] | paper | read-paper',
  summary: `new     makes an RSA-4096 key pair: the public half goes into the inventory, the private half, under a passphrase, to
        --private-key, a path outside the inventory. Nothing is ever overwritten. With --days the public half is a
        certificate, of whose end everybody is told from 60 days before on; backups go on after it, with a loud warning.
list    the recipients: fingerprint (SHA-256 of the public key), size, and the hosts that use them.
rotate  gives a recipient a new key pair: its private half goes to --private-key, under a new passphrase, the public half takes
        the name's place in the inventory, and the one before stays in recipients/retired. Older runs open with the older
        private key, so keep that. Tells which hosts have to be converged. Done again after a kill, it finishes.
signer  makes the signing key of the host on this machine, if there is none, and lets it sign in the inventory.
test    proves that a private key and its passphrase open the newest run of each host: reads, from the nearest copy, the
        signed manifest, the envelope of that key and the beginning of one sealed file, which is verified and opened in
        memory. Writes nothing. Exit code 8 when the key or its passphrase is the wrong one, 5 when a copy is damaged, 7 when
        none can be reached.
rewrap  makes a recipient of the inventory one of runs that are sealed already, without touching their data: unwraps the
        passphrase with a private key that opens them, and lays an envelope more beside each copy. Done again, it does what
        is left. Exit code 3 when a run is still to come to a place, where it comes without the new envelope.
paper   writes a page to be printed: the private key, under its passphrase, as QR codes and as lines with checksums, and how it
        is got back with openssl alone. read-paper makes the file again of what was typed, or scanned, and names each
        line that is wrong.`,
  options: {
    'private-key': '=FILE  where a new private key goes; the one to be tested',
    days: '=N  … whose public half is then a certificate that ends after so many days (default: it does not end)',
    'passphrase-file': '=FILE  the passphrase is the first line of this file',
    'passphrase-fd': '=N  … or of this descriptor; through npx only 0 works',
    recipient: '=…NAME  who is to open the runs, too; can be given several times',
    ...PAPER_OPTIONS,
    ...COPY_OPTIONS,
  },
  examples: [
    'new company --private-key ~/keys/company.pem',
    'list',
    'rotate company --private-key ~/keys/company-2027.pem',
    'signer db1',
    'test --all --private-key ~/keys/company.pem',
    'rewrap --all --recipient auditor --private-key ~/keys/company.pem',
    'paper --private-key ~/keys/company.pem --out company.html',
    'read-paper --text typed.txt --out company.pem',
  ],
  async run(context) {
    const [verb, ...rest] = context.words;
    switch (verb) {
      case 'new':
        return await makeNew(context, rest);
      case 'rotate':
        return await rotateTask(context, rest);
      case 'list':
        return await list(context);
      case 'signer':
        return await signer(context, rest);
      case 'rewrap':
        return await rewrapTask(context, rest);
      case 'paper':
        return await paperTask(context);
      case 'read-paper':
        return await readPaperTask(context);
      case 'test':
        return await testKeyTask(context, rest);
      default:
        throw new CoffreError('usage', `cannot do ${JSON.stringify(verb ?? '')} with keys`, {
          hint: 'one of: new, list, rotate, signer, test, rewrap, paper, read-paper; npx zx tasks/keys.ts --help',
        });
    }
  },
});

async function makeNew({ values }: TaskContext, words: readonly string[]): Promise<TaskResult> {
  const name = RecipientName.safeParse(words[0]);
  const privateKeyPath = textOf(values, 'private-key');
  if (!name.success || words.length !== 1 || privateKeyPath === undefined) {
    throw new CoffreError('usage', 'cannot make a key: a recipient and --private-key are needed', {
      hint: 'npx zx tasks/keys.ts new company --private-key ~/keys/company.pem',
    });
  }
  const passphrase = await passphraseOf(values, `New passphrase for the private key of ${name.data}`, 'twice');
  const made = await newRecipient({
    name: name.data,
    inventoryFolder: inventoryFolder(values),
    privateKeyPath,
    passphrase,
    validity: validityOf(values),
  });
  const text = `public key:   ${made.publicKeyPath} (commit it)
private key:  ${made.privateKeyPath} (keep it and its passphrase apart, off the servers; no copy of it is anywhere else)
fingerprint:  ${made.fingerprint}`;
  return { text, data: made };
}

async function list({ values }: TaskContext): Promise<TaskResult> {
  const inventory = await inventoryOf(values);
  const recipients = listRecipients(inventory);
  const rows = recipients.map(({ name, bits, hosts, fingerprint, retired, ends }) => [
    name,
    String(bits),
    retired ? '(had before)' : hosts.join(' ') || '-',
    ends?.toISOString().slice(0, 10) ?? '-',
    fingerprint,
  ]);
  const remarks = [...inventory.recipients.values()].flatMap(({ name, publicKey }) => {
    const remark = keyEndRemark(name, publicKey, systemClock.now());
    return remark ? [`\n\n${remark.text}\nhint: ${remark.hint}`] : [];
  });
  const table = formatTable(['recipient', 'bits', 'hosts', 'ends', 'fingerprint'], rows);
  return { text: table + remarks.join(''), data: recipients };
}

async function signer({ values }: TaskContext, words: readonly string[]): Promise<TaskResult> {
  const inventory = await inventoryOf(values);
  const made = await hostSigner(selectHost(inventory, words), inventory.folder);
  const text = `${made.host} signs with ${made.publicKey}\n${made.path}: ${made.state} (commit it)`;
  return { text, data: made };
}
