import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { COMPRESSIONS, type Compression } from '../../lib/model/compression.ts';
import { DatabaseName, HostName, RecipientName } from '../../lib/model/names.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { type ArchiveStream, asStage } from '../../lib/model/stages.ts';
import { ITERATIONS } from '../../lib/seal/cipher.ts';
import { wrapPassphrase } from '../../lib/seal/envelope.ts';
import { NamesKey } from '../../lib/seal/names-key.ts';
import { encodeNamesList } from '../../lib/seal/names-list.ts';
import { Passphrase } from '../../lib/seal/passphrase.ts';
import { describePublicKey } from '../../lib/seal/public-key.ts';
import { type RecoveryForm, recoveryText } from '../../lib/seal/recovery-text.ts';
import { sealStream } from '../../lib/seal/seal-stream.ts';
import { encodeSums } from '../../lib/seal/sums.ts';
import { run } from '../../lib/system/command.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { bytesOf, collect } from '../bytes.ts';
import { KEY_PASSPHRASE, keyPair, plainKeyPair } from './keys.ts';

/** What a bare machine has. `mariadb` here is a stand-in that writes down what it is given. */
const PROGRAMS = ['openssl', 'tar', 'sha256sum', 'sh', 'rm', 'touch', 'mktemp', 'cat'];
const DATABASES = { shop: 'shop', '-odd%20~': "o'dd $(touch x)\n", '@accounts': null };
const NAMES = 'names.json.enc';
/** Made once: that takes half a second. */
const OTHER = plainKeyPair(3072).publicKey;
const SQL = (file: string) => `INSERT INTO ${file} VALUES (1);\n`.repeat(9000);

async function fakeRun(
  folder: string,
  form: RecoveryForm,
  compression: Compression = 'gzip',
  key?: NamesKey,
  largestStatementBytes = 1_000_000,
): Promise<string> {
  for (const name of ['run', 'bin', 'plain', 'tmp']) mkdirSync(join(folder, name));
  const passphrase = Passphrase.random();
  const { publicKey, privateKey } = await keyPair();
  const files = new Map<string, Buffer | string>();
  const seal = async (content: Buffer) =>
    collect(sealStream(asStage<ArchiveStream>(bytesOf(content)), passphrase, { iterations: ITERATIONS }));
  const names = Object.entries(DATABASES).map(([stem, database]) => ({
    file: `${stem}${COMPRESSIONS[compression]}`,
    database,
  }));
  for (const { file } of names) {
    const sql = SQL(file);
    mkdirSync(join(folder, 'plain', `of-${file}`));
    writeFileSync(join(folder, 'plain', `of-${file}`, '000001.sql'), sql.slice(0, 100_000));
    writeFileSync(join(folder, 'plain', `of-${file}`, '000002.sql'), sql.slice(100_000));
    const members = ['000001.sql', '000002.sql'];
    await run('tar', [
      compression === 'zstd' ? '--zstd' : '-z',
      '-cf',
      join(folder, 'plain', file),
      '-C',
      join(folder, 'plain', `of-${file}`),
      ...members,
    ]);
    if (form === 'store') files.set(`${file}.enc`, await seal(readFileSync(join(folder, 'plain', file))));
  }
  if (form === 'offsite') {
    await run('tar', ['cf', 'all', '--', ...names.map(({ file }) => file)], { cwd: join(folder, 'plain') });
    files.set('encrypted.dat', await seal(readFileSync(join(folder, 'plain', 'all'))));
  }
  const known = names.flatMap(({ database }) => database ?? []);
  if (key) files.set(NAMES, await seal(encodeNamesList(new Map(known.map((name) => [key.hash(name), name])))));
  const recipient = (name: string, key: string) => {
    files.set(`${name}.key.enc`, wrapPassphrase(key, passphrase));
    return { name: RecipientName.parse(name), fingerprint: describePublicKey(key, name).fingerprint };
  };
  const text = recoveryText(form, {
    host: HostName.parse('db1'),
    run: RunId.parse('2026-11-22T040000Z'),
    iterations: ITERATIONS,
    recipients: [recipient('escrow', OTHER), recipient('company', publicKey)],
    archives: names.map(({ file, database }) => ({
      database: database === null ? null : DatabaseName.parse(key?.hash(database) ?? database),
      file: `${file}.enc`,
      largestStatementBytes,
    })),
    ...(key && { names: { file: NAMES } }),
  });
  files.set('RECOVERY.txt', text);
  for (const [name, content] of files) writeFileSync(join(folder, 'run', name), content);
  const sums = new Map([...files].map(([name, content]) => [name, sha256Of(content)]));
  writeFileSync(join(folder, 'run', 'SHA256SUMS'), encodeSums(sums));
  writeFileSync(join(folder, 'key.pem'), privateKey, { mode: 0o600 });
  writeFileSync(join(folder, 'bin', 'mariadb'), '#!/bin/sh\ncat >> "$LOADED"\n', { mode: 0o755 });
  for (const program of [...PROGRAMS, compression]) {
    const path = (await run('sh', ['-c', 'command -v "$0"', program])).stdout.trim();
    symlinkSync(path, join(folder, 'bin', program));
  }
  return text;
}

/** The commands of RECOVERY.txt, just as its reader would type them. */
function commandsOf(text: string): string {
  const marked = text.split('\n').filter((line) => line.startsWith('    $ '));
  return marked.map((line) => `${line.slice(6)}\n`).join('');
}

/** Runs the commands in a shell without a terminal: openssl then asks for the passphrase on standard input. */
function recover(folder: string, commands: string, recipient = 'company') {
  const env = {
    PATH: join(folder, 'bin'),
    TMPDIR: join(folder, 'tmp'),
    KEY: join(folder, 'key.pem'),
    RECIPIENT: recipient,
    LOADED: join(folder, 'loaded'),
  };
  const input = `${KEY_PASSPHRASE}\n`;
  return spawnSync('/usr/bin/setsid', ['-w', '/bin/sh', '-euc', commands], {
    cwd: join(folder, 'run'),
    env,
    input,
    encoding: 'utf8',
  });
}

const loaded = (folder: string) => readFileSync(join(folder, 'loaded'), 'utf8');
const nothingLoaded = (t: Test, folder: string) => t.notOk(readdirSync(folder).includes('loaded'));

const CASES = [
  ['store', 'gzip'],
  ['offsite', 'gzip'],
  ['store', 'zstd'],
  ['offsite', 'zstd'],
] as const;
for (const [form, compression] of CASES) {
  if (compression === 'zstd' && !findProgram('zstd')) continue;
  const named = `${form}, ${compression}`;
  const sealedShop = form === 'store' ? `shop${COMPRESSIONS[compression]}.enc` : 'encrypted.dat';

  t.test(
    `${named}: the commands as they stand load every database, the accounts last, and leave nothing`,
    async (t) => {
      const folder = t.testdir();
      const text = await fakeRun(folder, form, compression);
      const before = readdirSync(join(folder, 'run'));
      const ended = recover(folder, commandsOf(text));
      t.equal(ended.status, 0, ended.stderr);
      t.equal(
        loaded(folder),
        Object.keys(DATABASES)
          .map((stem) => SQL(`${stem}${COMPRESSIONS[compression]}`))
          .join(''),
      );
      t.same(readdirSync(join(folder, 'run')), before, 'nothing is written beside the backup');
      t.same(readdirSync(join(folder, 'tmp')), [], 'the passphrase is gone');
    },
  );

  // Found before anything is unpacked, whatever unpacks it.
  t.test(`${named}: a damaged file stops the recovery before anything is loaded`, async (t) => {
    const folder = t.testdir();
    const text = await fakeRun(folder, form, compression);
    truncateSync(join(folder, 'run', sealedShop), 256);
    const ended = recover(folder, commandsOf(text));
    t.not(ended.status, 0);
    t.match(ended.stdout, /FAILED/);
    nothingLoaded(t, folder);
  });

  t.test(`${named}: a cut file is noticed even by a reader who skipped the check`, async (t) => {
    const folder = t.testdir();
    const text = await fakeRun(folder, form, compression);
    const file = join(folder, 'run', sealedShop);
    truncateSync(file, readFileSync(file).length - 16);
    const unchecked = commandsOf(text).replace(/^sha256sum.*\n/m, '');
    const ended = recover(folder, unchecked);
    t.not(ended.status, 0, 'plain sh would have taken the word of the last program');
    t.match(ended.stderr, /bad decrypt/);
    const next = SQL(`-odd%20~${COMPRESSIONS[compression]}`).slice(0, 50);
    t.notOk(loaded(folder).includes(next), 'nothing after it is loaded');
  });
}

t.test("another recipient's envelope does not open, and nothing is loaded", async (t) => {
  const folder = t.testdir();
  const text = await fakeRun(folder, 'store');
  t.not(recover(folder, commandsOf(text), 'escrow').status, 0);
  nothingLoaded(t, folder);
});

for (const form of ['store', 'offsite'] as const) {
  t.test(`${form}: hashed names are told first, to whoever has a key, and all is loaded as ever`, async (t) => {
    const folder = t.testdir();
    const key = NamesKey.parse('3c'.repeat(32)) as NamesKey;
    const text = await fakeRun(folder, form, 'gzip', key);
    t.notOk(text.includes("o'dd"), 'the name stands nowhere in it');
    t.ok(text.includes(key.hash(DATABASES['-odd%20~'])));
    const ended = recover(folder, commandsOf(text));
    t.equal(ended.status, 0, ended.stderr);
    t.ok(ended.stdout.includes(`  "${key.hash('shop')}": "shop"`), ended.stdout);
    t.ok(ended.stdout.includes(`  "${key.hash(DATABASES['-odd%20~'])}": "o'dd $(touch x)\\n"`));
    t.equal(
      loaded(folder),
      Object.keys(DATABASES)
        .map((stem) => SQL(`${stem}.tar.gz`))
        .join(''),
    );
    const prose = text.split('\n').filter((line) => !/^ {4}[$#] /.test(line));
    t.strictSame(
      prose.filter((line) => line.length > 120),
      [],
    );
    t.not(recover(folder, commandsOf(text), 'escrow').status, 0);
  });
}

t.test('names host, run, recipients and fingerprints, and keeps to 120 columns but for commands', async (t) => {
  const folder = t.testdir();
  const text = await fakeRun(folder, 'offsite');
  for (const part of ['db1', '2026-11-22T040000Z', 'company', 'escrow', '-iter 10000', 'encrypted.dat']) {
    t.ok(text.includes(part), part);
  }
  t.ok(text.includes(describePublicKey((await keyPair()).publicKey, 'company').fingerprint));
  const prose = text.split('\n').filter((line) => !/^ {4}[$#] /.test(line));
  t.same(
    prose.filter((line) => line.length > 120),
    [],
  );
  t.notOk(commandsOf(text).includes('touch x'), 'the name of a database is no command');
});

t.test('a row that is larger than servers take as they are installed is told before anything is loaded', async (t) => {
  const folder = t.testdir();
  const usual = await fakeRun(folder, 'store', 'gzip', undefined, 16 * 1024 ** 2 - 2000);
  t.notMatch(usual, /max_allowed_packet/);
  const large = await fakeRun(t.testdir({}), 'store', 'gzip', undefined, 25_000_000);
  t.match(large, /"Server\n {3}has gone away" \(2006\)[\s\S]*take 25 MiB/);
  const commands = commandsOf(large);
  const raises = commands.indexOf('mariadb -e "SET GLOBAL max_allowed_packet=26214400"\n');
  t.ok(raises > commands.indexOf('load() {') && raises < commands.indexOf("load './"), commands);
});

for (const form of ['store', 'offsite'] as const) {
  t.test(`${form}: what the server refuses is loaded again after the others, and once more it counts`, async (t) => {
    const folder = t.testdir();
    const text = await fakeRun(folder, form);
    // What is on another database, which is not there yet: it stops early, and leaves the most of its SQL unread.
    const refusing = (until: string) =>
      `#!/bin/sh\nread -r line; case "$line" in *' shop.'*) ${until} || { echo "ERROR 1146" >&2; exit 1; };; esac\n{ echo "$line"; cat; } >> "$LOADED"\n`;
    writeFileSync(join(folder, 'bin', 'mariadb'), refusing('test -e "$LOADED"'), { mode: 0o755 });
    const ended = recover(folder, commandsOf(text));
    t.equal(ended.status, 0, ended.stderr);
    t.match(ended.stdout, /shop\.tar\.gz(\.enc)?: to be loaded again, see below$/m);
    t.equal(loaded(folder), ['-odd%20~', 'shop', '@accounts'].map((stem) => SQL(`${stem}.tar.gz`)).join(''));

    writeFileSync(join(folder, 'bin', 'mariadb'), refusing('false'), { mode: 0o755 });
    writeFileSync(join(folder, 'loaded'), '');
    t.not(recover(folder, commandsOf(text)).status, 0);
    t.equal(loaded(folder), SQL('-odd%20~.tar.gz'), 'not even the accounts come after that');
  });
}
