import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { quoteString } from '../../lib/database/sql-text.ts';
import { redact } from '../../lib/model/redact.ts';
import { SHORTEST } from '../../lib/model/secret-forms.ts';
import { SecretIndex } from '../../lib/model/secret-index.ts';
import { quotePosix } from '../../lib/system/command.ts';
import { formsOf } from '../fixture/secret-search.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const SIGNS = 'abcXYZ019 \'"`\\#$%&=/+-_.:;<>@!()[]{}|~*?^,\u00fc\u20ac\u{1f511}';

const knowing = (...secrets: (string | Buffer)[]) => {
  const index = new SecretIndex(randomBytes(32));
  for (const secret of secrets) index.add(secret);
  return (text: string): string => redact(text, index);
};
const blind = knowing();

/** A secret that is long enough, of signs that are quoted somewhere. */
const secrets = fc
  .array(fc.constantFrom(...SIGNS), { minLength: SHORTEST, maxLength: 60 })
  .map((signs) => signs.join(''));
const around = fc.array(fc.constantFrom(...'ab \n\t:,("é'), { maxLength: 30 }).map((signs) => signs.join(''));

t.test('no form of a known secret is left, whatever stands around it', async (t) => {
  fc.assert(
    fc.property(secrets, around, around, (secret, before, behind) => {
      const safe = knowing(secret);
      for (const [form, text] of Object.entries({
        ...formsOf(secret),
        sql: quoteString(secret),
        sh: quotePosix(secret),
      })) {
        const left = safe(before + text + behind);
        if (left.includes(text)) throw new Error(`${form}: ${JSON.stringify(left)}`);
      }
    }),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('in base64 it is found at each alignment, within more base64', async (t) => {
  fc.assert(
    fc.property(secrets, fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 9 }), (secret, before, behind) => {
      const whole = Buffer.concat([before, Buffer.from(secret), behind]).toString('base64');
      return knowing(secret)(whole).includes('[secret]') && knowing(secret)(`x ${whole}`).length < whole.length + 12;
    }),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('what holds no secret stays, character by character, and a second time changes nothing', async (t) => {
  const safe = knowing('a secret that stands nowhere', randomBytes(32));
  fc.assert(
    fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (text) => {
      const once = safe(text);
      return once === text && safe(once) === once;
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...SAID.map(([text]) => text)), { maxLength: 4 }), (texts) => {
      const once = blind(texts.join('\n'));
      return blind(once) === once;
    }),
  );
  t.pass();
});

t.test('a secret that is too short blanks nothing', async (t) => {
  const safe = knowing('a', '', 'shop', 'the', '1234567', Buffer.from([0xff]));
  const text = 'cannot dump the table `shop`.`a`: error 1234567';
  t.equal(safe(text), text);
});

t.test('bytes that are no text are found in whatever form they come into one', async (t) => {
  const bytes = Buffer.from([0x70, 0xe9, 0x6e, 0xff, 0x2d, 0x71, 0x31, 0x37, 0x80]);
  const safe = knowing(bytes);
  for (const text of [
    bytes.toString('latin1'),
    bytes.toString('utf8'),
    bytes.toString('hex'),
    bytes.toString('base64'),
  ])
    t.equal(safe(`x ${text.slice(0, -1)}${text.slice(-1)} y`).includes(text), false, text);
});

t.test('a private key is found by any of its lines, and its frame is no secret', async (t) => {
  const lines = Array.from({ length: 6 }, () => randomBytes(48).toString('base64'));
  const safe = knowing(['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n'));
  for (const line of lines) t.equal(safe(`what is ${line}?`), 'what is [secret]?');
  t.equal(safe('-----END PRIVATE KEY-----'), '-----END PRIVATE KEY-----');
  t.equal(safe(Buffer.from(lines[2] ?? '').toString('base64')).length < 20, true);
});

t.test('the index itself holds no secret', async (t) => {
  const secret = randomBytes(24).toString('hex');
  const index = new SecretIndex(randomBytes(32));
  index.add(secret);
  t.strictSame(index.find(`x${secret}y`), [{ start: 1, end: 49 }]);
  const seen: unknown[] = [];
  const original = Map.prototype.get;
  Map.prototype.get = function (this: Map<unknown, unknown>, key: unknown) {
    seen.push(...this.entries());
    return original.call(this, key);
  };
  index.find(`x${secret}y`);
  Map.prototype.get = original;
  t.ok(seen.length > 0);
  t.notOk(JSON.stringify(seen).includes(secret.slice(0, 8)));
});

/** What foreign programs say, and what is left of it. `HUNTER` and `ROW` stand for what nobody may see. */
const SAID: readonly (readonly [string, string])[] = [
  ["fatal: unable to access 'https://u:HUN@TER2@h/x': no", "fatal: unable to access 'https://[secret]@h/x': no"],
  ['https://HUNTER@github.com/a/b.git', 'https://[secret]@github.com/a/b.git'],
  ['ssh://git:HUNTER@h:22/x', 'ssh://git:[secret]@h:22/x'],
  ['https://user:HUN/TER@h/x', 'https://[secret]@h/x'],
  ['mysql://app:HUNTER@db1:3306/shop', 'mysql://app:[secret]@db1:3306/shop'],
  ['-----BEGIN RSA PRIVATE KEY-----\nHUNTER\n-----END RSA PRIVATE KEY----- ok', '[secret] ok'],
  ['x -----BEGIN OPENSSH PRIVATE KEY-----\nHUNTER', 'x [secret]'],
  ["CREATE USER a IDENTIFIED BY 'HUN''TER\\'2' REQUIRE SSL", "CREATE USER a IDENTIFIED BY '[secret]' REQUIRE SSL"],
  ["IDENTIFIED BY PASSWORD '*HUNTER'", "IDENTIFIED BY PASSWORD '[secret]'"],
  [
    "IDENTIFIED VIA mysql_native_password USING 'HUNTER' OR ed25519 USING 'HUNTER'",
    "IDENTIFIED VIA mysql_native_password USING '[secret]' OR ed25519 USING '[secret]'",
  ],
  ["SET PASSWORD FOR a = PASSWORD('HUNTER')", "SET PASSWORD FOR a = PASSWORD('[secret]')"],
  [
    "MASTER_USER = 'r', MASTER_PASSWORD = 'HUN TER', MASTER_SSL = 1",
    "MASTER_USER = 'r', MASTER_PASSWORD = '[secret]', MASTER_SSL = 1",
  ],
  ['mariadb --password=HUNTER -e x', 'mariadb --password=[secret] -e x'],
  ['password = HUNTER', 'password = [secret]'],
  ['GITHUB_TOKEN=HUNTER', 'GITHUB_TOKEN=[secret]'],
  ['{"user":"x","password":"HUN\\"TER","n":1}', '{"user":"x","password":"[secret]","n":1}'],
  ["mariadb: unknown variable 'pasword=HUNTER'", "mariadb: unknown variable 'pasword=[secret]'"],
  [`token ghp_${'HUNTER'.repeat(6)} refused`, 'token [secret] refused'],
  [`github_pat_${'HUNTER_'.repeat(6)}`, '[secret]'],
  [`ghs_${'HUNTER'.repeat(6)}.`, '[secret].'],
  ['Authorization: token HUNTER', 'Authorization: [secret]'],
  ['authorization: Bearer HUNTERHUNTERHUNTER', 'authorization: [secret]'],
  ["hash '*0123456789ABCDEF0123456789ABCDEF01234567'", "hash '[secret]'"],
  [
    "ERROR 1062 (23000) at line 7: Duplicate entry 'O'ROW-1' for key 'name'",
    "ERROR 1062 (23000) at line 7: Duplicate entry '…' for key 'name'",
  ],
  [
    "ERROR 1064 (42000) at line 3: You have an error in your SQL syntax; check the manual for the right syntax to use near 'ROW' at line 1')' at line 2",
    "ERROR 1064 (42000) at line 3: You have an error in your SQL syntax; check the manual for the right syntax to use near '…' at line 2",
  ],
  ["syntax to use near 'ROW ROW", "syntax to use near '…"],
  [
    "ERROR 1366 (22007): Incorrect integer value: 'ROW' for column `shop`.`t`.`a` at row 1",
    "ERROR 1366 (22007): Incorrect integer value: '…' for column `shop`.`t`.`a` at row 1",
  ],
  ["Truncated incorrect DOUBLE value: 'ROW'", "Truncated incorrect DOUBLE value: '…"],
  ["Invalid utf8mb4 character string: '\\xE9ROW'", "Invalid utf8mb4 character string: '…"],
  ["Data too long for column 'name' at row 1", "Data too long for column 'name' at row 1"],
  ["BIGINT UNSIGNED value is out of range in '(`a` - ROW)'", "BIGINT UNSIGNED value is out of range in '…'"],
  ['Table has no partition for value ROW', 'Table has no partition for value …'],
  [
    "Error 'Duplicate entry 'ROW' for key 'PRIMARY'' on query. Default database: 'shop'. Query: 'INSERT INTO t VALUES (ROW)'",
    "Error 'Duplicate entry '…' for key 'PRIMARY'' on query. Default database: 'shop'. Query: '…'",
  ],
  ["--------------\nINSERT INTO `t` VALUES ('ROW');\n--------------\n\nERROR 1146", '…\n\nERROR 1146'],
  ["--------------\r\nINSERT INTO `t` VALUES\r\n('ROW')\r\n--------------\r\n\r\nERROR 1", '…\n\r\nERROR 1'],
  ["INSERT INTO `t` (`a`) VALUES ('ROW'),\n('ROW')", 'INSERT INTO `t` (`a`) VALUES (…)'],
  ['Unexpected token \'h\', "ROW ROW" is not valid JSON', "Unexpected token 'h', … is not valid JSON"],
  ['Unexpected token \'"\', ..."x"ROW"y"... is not valid JSON', "Unexpected token '\"', … is not valid JSON"],
];

for (const [said, left] of SAID) {
  t.test(
    `of ${JSON.stringify(said.replaceAll('HUNTER', 'x').slice(0, 60))} is left what anybody may read`,
    async (t) => {
      t.equal(blind(said), left);
      t.notMatch(blind(said), /HUNTER|HUN'?'?.?TER|ROW/);
    },
  );
}

/** The table of README that shows what is taken out. */
const isNoExample = (line: string) => !line.startsWith('| what ');
/** What stands there is for a server or a file, and not for somebody to read. */
const NO_MESSAGES =
  /(aside-mark|saved-definitions|seed-replica|embedded-world|quickstart-data|option-file-text|private-key|paper-key|paper-page|secret-patterns|row-data)\.ts$/;
const spelt = (literal: string) => literal.slice(1, -1).replace(/\$\{[^}]*\}/g, 'x');
const LITERAL = /'(?:[^'\\\n]|\\.)+'|`(?:[^`\\]|\\.)+`|"(?:[^"\\\n]|\\.)+"/g;

t.test('all that this project itself says and documents stays as it is', async (t) => {
  const sources = ['lib', 'tasks'].flatMap((folder) =>
    (readdirSync(`${ROOT}${folder}`, { recursive: true }) as string[])
      .filter((name) => name.endsWith('.ts') && !NO_MESSAGES.test(name))
      .map((name) => `${folder}/${name}`),
  );
  const textOf = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');
  const said = [
    ...sources.flatMap((path) => (textOf(path).match(LITERAL) ?? []).map(spelt)),
    ...['README.md', 'RECOVERY.md', 'lib/host/release/launcher.sh']
      .flatMap((path) => textOf(path).split('\n'))
      .filter(isNoExample),
  ];
  t.ok(said.length > 3000);
  t.strictSame(
    said.flatMap((text) => (blind(text) === text ? [] : [`${text} -> ${blind(text)}`])),
    [],
  );
});

for (const text of [
  'http://127.0.0.1:4873/@scope/name',
  'ssh://git@git.example.net/backup-audit.git',
  'git@git.example.net:backup-audit.git',
  'https://github.com/acme/x/pull/7#issuecomment-1',
  'https://[::1]:8443/@x',
  '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----',
  '-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----',
  '+password = (a random one, made on this host)',
  'add a line REPLICATION_PASSWORD=… to /etc/coffre/.env, and keep its mode 0600',
  'write [client], user= and password= into /etc/coffre/my.cnf, quoted',
  'cannot read the passphrase: --passphrase-fd takes the number of a descriptor',
  'IDENTIFIED VIA mysql_native_password (the password of the option file)',
  'db1 namespaces="coffre-manifest" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFoo',
  'SELECT COUNT(*) FROM t WHERE a = 1',
])
  t.test(`${JSON.stringify(text.slice(0, 50))} is innocent`, async (t) => t.equal(blind(text), text));

t.test('it is quick: with many secrets, on long texts, and on those that are made to be slow', async (t) => {
  const safe = knowing(
    ...Array.from({ length: 20 }, () => randomBytes(24).toString('hex')),
    randomBytes(2400).toString('base64'),
  );
  const timed = (text: string) => {
    const from = performance.now();
    safe(text);
    return performance.now() - from;
  };
  const line = 'one snapshot over 5 dumps, commits held back for 12 ms, after waiting 0 s for the lock; ';
  timed(line.repeat(100));
  const event = timed(line.repeat(10_000)) / 10_000;
  t.ok(event < 0.1, `${(event * 1000).toFixed(2)} µs for an event`);
  for (const evil of [
    "near '",
    "near 'x' at line ",
    "Duplicate entry '",
    'INSERT INTO x VALUES ',
    'INSERT ',
    'https://a',
    'https://a:@',
    'a://b:',
    'password=',
    "password='",
    "IDENTIFIED BY '\\",
    '"password":"\\',
    '-----BEGIN PRIVATE KEY-----',
    `${'-'.repeat(14)}\n`,
    'Incorrect a value',
    'Unexpected token "',
    'eyJaaaaaaaaa.',
    'ghp_',
    'Authorization:',
    'A value is out of range in ',
    '@',
    '\\',
    "'",
    'A',
  ]) {
    const took = timed(evil.repeat(Math.ceil(200_000 / evil.length)));
    t.ok(took < 2000, `${JSON.stringify(evil)}: ${took.toFixed(0)} ms for 200 KB`);
  }
});
