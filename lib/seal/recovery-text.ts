import { COMPRESSIONS, type Compression, compressionOf } from '../model/compression.ts';
import type { DatabaseName, HostName, RecipientName, Sha256 } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { quotePosix } from '../system/command.ts';

/** What RECOVERY.txt of one run is made of. Everything in it is in the manifest too, so it can be made again. */
export interface RecoveryFacts {
  readonly host: HostName;
  readonly run: RunId;
  readonly iterations: number;
  readonly recipients: readonly { readonly name: RecipientName; readonly fingerprint: Sha256 }[];
  /** In the order in which they are to be loaded; the accounts, with `database` null, come last by themselves. */
  readonly archives: readonly {
    readonly database: DatabaseName | null;
    /** Name of the sealed file: `shop.tar.gz.enc`. All of a run are compressed alike. */
    readonly file: string;
    /** What the server has to take as one statement. */
    readonly largestStatementBytes: number;
  }[];
  /** The sealed list of the real names, where the databases above have hashed ones. */
  readonly names?: { readonly file: string } | undefined;
}

/** The store holds one sealed file a database; the export and the offsites one sealed tar of them all. */
export type RecoveryForm = 'store' | 'offsite';

/** Name of the day archive in the export and on the offsites. */
const DAY_ARCHIVE = 'encrypted.dat';

/**
 * RECOVERY.txt: how to get the data of this very run back with openssl, tar, gzip (or zstd, where the
 * archives are), coreutils and the mariadb client.
 * Written for somebody at four in the morning who has never heard of this project.
 *
 * Every line that begins with four spaces, a dollar and a space is a command for a bare POSIX sh, and all of them in
 * order are the whole recovery: `sed -n 's/^    \$ //p' RECOVERY.txt | sh -eu` MUST work, with KEY and RECIPIENT in
 * the environment. A plain sh takes the last program's word for a pipeline, and openssl writes nearly all of a
 * cut file before it fails: hence the check of the digests first, and the file `failed` that any stage leaves behind. What
 * the client leaves unread is read to its end, or the stages before it would fail, too.
 */
export function recoveryText(form: RecoveryForm, facts: RecoveryFacts): string {
  const databases = facts.archives.filter((archive) => archive.database !== null);
  const accounts = facts.archives.filter((archive) => archive.database === null);
  const compression = compressionOf(facts.archives[0]?.file ?? '') ?? 'gzip';
  const load = (archive: { readonly file: string }) => `    $ load ${quotePosix(nameFor(form, archive.file))}`;
  const paragraphs = [
    introduction(form, facts, compression),
    PREPARE(facts),
    CHECK(facts),
    UNWRAP,
    ...(facts.names ? [whichIsWhich(facts.names.file, facts.iterations)] : []),
    definitions(form, facts.iterations, compression),
    ...largeStatements(facts.archives),
    databases.length === 0
      ? '   This run has no databases.'
      : databases.map((archive) => `   ${JSON.stringify(archive.database)}\n${load(archive)} || later`).join('\n'),
    ...(databases.length < 2 ? [] : [AGAIN]),
    ...(accounts.length === 0
      ? []
      : [`${ACCOUNTS}\n\n${accounts.map((archive) => `${load(archive)} --force`).join('\n')}`]),
    form === 'store' ? oneFromStore(compression) : oneFromDayArchive(compression),
    CLEAN_UP,
  ];
  return `${paragraphs.join('\n\n')}\n`;
}

/** The name that `load` takes: a file of the store, or a member of the day archive. */
function nameFor(form: RecoveryForm, file: string): string {
  return form === 'store' ? `./${file}` : file.replace(/\.enc$/, '');
}

function introduction(
  form: RecoveryForm,
  { host, run, recipients, names }: RecoveryFacts,
  compression: Compression,
): string {
  const content =
    form === 'store'
      ? `one encrypted file for each database, ${names ? 'h-…' : '<database>'}${COMPRESSIONS[compression]}.enc`
      : `the databases as one encrypted file, ${DAY_ARCHIVE}`;
  const width = Math.max(9, ...recipients.map(({ name }) => name.length));
  const rows = recipients.map(({ name, fingerprint }) => `   ${name.padEnd(width)}  ${fingerprint}`);
  return `HOW TO GET THE DATABASES OF ${host} BACK
Run ${run} (the time at which it began, in UTC)

This folder is a backup of the MariaDB server of ${host}: ${content},
and, for each of these keys, the passphrase of the run wrapped in <recipient>.key.enc:

   ${'RECIPIENT'.padEnd(width)}  SHA-256 OF THE PUBLIC KEY
${rows.join('\n')}

You need: the private key of ONE of them with its passphrase, an empty MariaDB server of the same or a newer
version, and the programs openssl (1.1.1 or newer), tar, ${compression}, sha256sum and mariadb.

Type the lines marked with $ (without the mark) in this order into one and the same shell. Stop at the first
error. Lines marked with # are not needed for the recovery; they answer a question.`;
}

const PREPARE = ({ recipients }: RecoveryFacts) => `1. BEGIN

   Go into this folder with cd. Then say which key you have: instead of /path/to/key.pem write where it is, and
   instead of ${recipients[0]?.name ?? 'recipient'} whose it is. The third line makes a folder for the passphrase.

    $ KEY=\${KEY:-/path/to/key.pem}
    $ RECIPIENT=\${RECIPIENT:-${recipients[0]?.name ?? 'recipient'}}
    $ umask 077 && WORK=$(mktemp -d)

   Whose key is it? This prints the SHA-256 of its public key:

    # openssl pkey -in "$KEY" -pubout -outform DER | sha256sum`;

const CHECK = ({ host, run }: RecoveryFacts) => `2. CHECK THAT NOTHING IS FORGED OR DAMAGED

   Whoever could write to this folder could have put anything into it, this page included. The signature tells: it was
   made over SHA256SUMS by a key that only ${host} has. You need allowed_signers from the inventory (signers/), never
   from here. It must say: Good "coffre-manifest" signature. And the second line must find the name of this run:

    # ssh-keygen -Y verify -f allowed_signers -I ${host} -n coffre-manifest -s SHA256SUMS.sig < SHA256SUMS
    # grep -o '"run":"${run}","sequence"' manifest.json

   Then every line of this must end in OK, and no other file is worth anything. A damaged file can be opened in part
   without a warning, so do not go on with one: take the folder of this run from the other place (store or off-site),
   or an older run.

    $ sha256sum --strict -c SHA256SUMS`;

const UNWRAP = `3. UNWRAP THE PASSPHRASE OF THE RUN

   This asks for the passphrase of your private key.

    $ openssl pkeyutl -decrypt -inkey "$KEY" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in "$RECIPIENT.key.enc" -out "$WORK/key.txt"`;

function whichIsWhich(file: string, iterations: number): string {
  return `   Nobody without a key is to know the names of the databases: they have others here and in the manifest, h-... This
   prints the real name for each of them. The databases themselves get their real names back when they are loaded.

    $ ${opening(iterations, file)}`;
}

function opening(iterations: number, file: string): string {
  return `openssl enc -d -aes-256-cbc -md sha256 -pbkdf2 -iter ${iterations} -pass "file:$WORK/key.txt" -in ${file}`;
}

/** What unpacks an archive, each stage a program. Not every tar knows zstd, nor finds it by itself in a pipe. */
const UNPACK: Readonly<Record<Compression, readonly string[]>> = {
  gzip: ['tar xzOf -'],
  zstd: ['zstd -dc', 'tar xOf -'],
};

function definitions(form: RecoveryForm, iterations: number, compression: Compression): string {
  const open = (file: string) => opening(iterations, file);
  const stages = form === 'store' ? [open('"$1"')] : [open(DAY_ARCHIVE), 'tar xOf - -- "$1"'];
  const guarded = [...stages, ...UNPACK[compression]].map((stage) => `{ ${stage} || touch "$WORK/failed"; }`);
  return `4. LOAD THE DATABASES

   The first line says how to open an archive, the others how to load one. They only stream: nothing that is not
   encrypted is written to this machine's disk. "bad decrypt" means: what was loaded of that database is not complete.
   Drop it, and find out why before you go on. An ERROR is what the server says: what was loaded of that database is not
   complete either, but do not drop it yet. Go on with the others; those that have failed are loaded again after them.
   If mariadb needs options to reach the server (a user, a socket), put them into the [client] section of ~/.my.cnf.
   What stands behind --init-command lets in what the old server had taken under looser rules than a new one has.
   Error 1418 or 1419 is about functions and triggers, on a server with its binary log on. Type into mariadb:
   SET GLOBAL log_bin_trust_function_creators = 1; then drop the database, load it again, and set that back to 0.

    $ unseal() { ${guarded.join(' | ')}; }
    $ client() { mariadb "$@" --comments --binary-mode --max-allowed-packet=1G --init-command="SET SESSION innodb_strict_mode=0, check_constraint_checks=0"; }
    $ load() { NAME=$1; rm -f "$WORK/failed" "$WORK/refused"; unseal "$1" | { client \${2-} || { touch "$WORK/refused"; cat > /dev/null; }; }; test ! -e "$WORK/failed" && test ! -e "$WORK/refused"; }
    $ later() { test ! -e "$WORK/failed" && AGAIN="\${AGAIN-} $NAME" && echo "$NAME: to be loaded again, see below"; }`;
}

/** What server and client take by default, without what surrounds a statement on its way. */
const USUAL_STATEMENT_BYTES = 16 * 1024 ** 2 - 1024;
const MEBIBYTE = 1024 ** 2;

/** A server that gets more than it takes hangs up: nobody would guess why. */
function largeStatements(archives: RecoveryFacts['archives']): readonly string[] {
  const largest = Math.max(0, ...archives.map(({ largestStatementBytes }) => largestStatementBytes));
  if (largest <= USUAL_STATEMENT_BYTES) return [];
  const needed = Math.min(1024 ** 3, (Math.ceil(largest / MEBIBYTE) + 1) * MEBIBYTE);
  return [
    `   A row of this run is larger than what a server takes as it was installed (16 MiB): it would hang up, and say "Server
   has gone away" (2006). This lets it take ${needed / MEBIBYTE} MiB until it is started again. It needs an administrator's account:

    $ mariadb -e "SET GLOBAL max_allowed_packet=${needed}"`,
  ];
}

const AGAIN = `   A database whose views are on another one fails as long as that one is not there. Do not drop it: this loads those
   that have failed once more, over what is there of them, now that the others are there, and again as long as one more
   of them succeeds. What it calls NOT LOADED is not complete, and the ERROR above says why.

    $ while test -n "\${AGAIN-}"; do LEFT=$AGAIN; AGAIN=; for EACH in $LEFT; do load "$EACH" || later; done; test "$AGAIN" != "$LEFT" || break; done
    $ test -z "\${AGAIN-}" || { echo "NOT LOADED:$AGAIN"; false; }`;

const ACCOUNTS = `   The accounts with their passwords and grants, last, as they may change the account that you use now: one that is
   there already gets the password of the backup, and its grants beside those that it has.
   "--force" goes on after an error. These may be reported, each below the GRANT that it is about: "Table ... doesn't
   exist", "Unknown column ...", "FUNCTION or PROCEDURE ... does not exist". Such a grant is left out: it is on
   something that was dropped before the backup, or that you have not loaded. Any other error counts.`;

const oneFromStore = (compression: Compression) => `5. ONLY ONE DATABASE, OR ONLY ITS SQL

   For one database type chapters 1 to 3, all lines of chapter 4 before the first database, and that database's own
   line. To see its SQL instead of loading it (into a file this would be plain text on the disk):

    # unseal ./<database>${COMPRESSIONS[compression]}.enc | less`;

const oneFromDayArchive = (compression: Compression) => `5. ONLY ONE DATABASE, OR ONLY ITS SQL

   For one database type chapters 1 to 3, all lines of chapter 4 before the first database, and that database's own
   line. To see its SQL instead of loading it (into a file this would be plain text on the disk):

    # unseal <database>${COMPRESSIONS[compression]} | less

   Each load reads ${DAY_ARCHIVE} from end to end. Where the disk may hold what is not encrypted, this unpacks all
   databases at one go; then "${UNPACKED[compression]} | client" loads one:

    # openssl enc -d <the options that chapter 4 has> -in ${DAY_ARCHIVE} | tar x`;

const UNPACKED: Readonly<Record<Compression, string>> = {
  gzip: 'tar xzOf <database>.tar.gz',
  zstd: 'zstd -dc <database>.tar.zst | tar xOf -',
};

const CLEAN_UP = `6. CLEAN UP

   The passphrase of the run is still in a file. Take it away:

    $ rm -rf "$WORK"`;
