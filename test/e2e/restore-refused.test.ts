import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import * as z from 'zod';
import { signManifest } from '../../lib/audit/sign.ts';
import { addAllowedSigner, ensureSigningKey } from '../../lib/audit/signing-key.ts';
import { query } from '../../lib/database/client.ts';
import { restore } from '../../lib/flow/restore.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import type { Manifest } from '../../lib/model/manifest.ts';
import { HostName } from '../../lib/model/names.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { openPrivateKey } from '../../lib/seal/private-key.ts';
import { run } from '../../lib/system/command.ts';
import { makeFolder } from '../../lib/system/files.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import {
  assertExplained,
  assertNothingHalfDone,
  EXPORT,
  OFFSITE,
  runsAt,
  STORE,
} from '../fixture/nothing-half-done.ts';
import { signerOf } from '../fixture/signer.ts';
import { worldFor } from '../fixture/world.ts';

/* Copies that must not be restored, keys that do not fit, targets that must not be touched. */

t.setTimeout(400_000);
const world = await worldFor(t);
await world.goodRun();
await world.goodRun();
const [older = '', newer = ''] = await runsAt(world, STORE);
const overwrite = ['--overwrite', 'shop', '--overwrite', 'crm'];
const content = async () =>
  await query(
    world.server.root,
    "SELECT JSON_OBJECT('sum', SHA2(GROUP_CONCAT(SHA2(photo, 256)), 256), 'rows', COUNT(*)) FROM shop.customer",
    z.object({ sum: z.string(), rows: z.int() }),
  );
const before = await content();

const order = {
  host: await world.host(),
  inventory: await world.inventory(),
  run: RunId.parse(newer),
  accounts: false,
  overwrite: ['shop', 'crm'],
  opening: {
    kind: 'key' as const,
    privateKey: openPrivateKey(await readFile(world.keys.company, 'utf8'), world.keys.passphrase),
  },
  target: world.server.root,
  dryRun: false,
  emit: () => undefined,
  signal: new AbortController().signal,
};

const badDay = (name: string, live: (t: Test) => Promise<void>) =>
  t.test(name, async (t) => {
    await live(t);
    t.strictSame(await content(), before, 'the database is as it was');
  });

for (const { place, from, files } of [
  {
    place: STORE,
    from: 'store',
    files: ['shop.tar.gz.enc', 'shop.tar.gz.enc.segments', 'company.key.enc', 'manifest.json', 'manifest.json.sig'],
  },
  { place: EXPORT, from: 'export', files: ['encrypted.dat', 'encrypted.dat.segments'] },
  { place: OFFSITE, from: 'offsite:contractor', files: ['encrypted.dat', 'company.key.enc', 'manifest.json'] },
]) {
  for (const file of files) {
    badDay(`one bit of ${file} has flipped in the ${from}`, (t) =>
      whileDamaged(world.at(place, newer, file), flipped, async () => {
        await t.rejects(restore({ ...order, from }), { code: 'verification-failed', message: /^cannot /, hint: /./ });
        t.not((await sums(place)).exitCode, 0, 'sha256sum -c finds it too');
      }),
    );
  }
}

t.test('one bit of RECOVERY.txt or SHA256SUMS has flipped: sha256sum -c finds it, and a restore says so', async (t) => {
  for (const [place, from] of [
    [STORE, 'store'],
    [EXPORT, 'export'],
    [OFFSITE, 'offsite:contractor'],
  ] as const) {
    for (const file of ['RECOVERY.txt', 'SHA256SUMS', 'SHA256SUMS.sig']) {
      await whileDamaged(world.at(place, newer, file), flipped, async () => {
        if (file !== 'SHA256SUMS.sig') t.not((await sums(place)).exitCode, 0, `${place} ${file}`);
        const told: string[] = [];
        const emit = (event: FlowEvent) => {
          if (event.kind === 'warning') told.push(event.text);
        };
        await restore({ ...order, from, dryRun: true, emit });
        const about = told.filter((text) => text.endsWith('is not as it was written'));
        t.match(about, [new RegExp(`^${file.replaceAll('.', '\\.')} of `)], `${place} ${file}: ${told.join('; ')}`);
        t.equal(about.length, 1);
      });
    }
    t.equal((await sums(place)).exitCode, 0, `${place} is whole`);
  }
});

badDay('an archive was cut where a gzip member ends and sealed again: gzip finds nothing, coffre does', async (t) => {
  const folder = world.at(STORE, newer);
  const script = `
    openssl pkeyutl -decrypt -inkey "$KEY" -passin stdin -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 \\
      -in company.key.enc -out "$WORK/key.txt"
    crypt() { openssl enc "$@" -aes-256-cbc -md sha256 -pbkdf2 -iter ${iterations(await manifestOf(newer))} -pass "file:$WORK/key.txt"; }
    crypt -d -in shop.tar.gz.enc | gzip -dc | head -c 1048576 | gzip > "$WORK/first.gz"
    gzip -t "$WORK/first.gz"
    crypt -e -in "$WORK/first.gz"`;
  await makeFolder(world.at('work'), 0o700);
  const cut = execFileSync('sh', ['-euc', script], {
    cwd: folder,
    env: { ...process.env, KEY: world.keys.company, WORK: world.at('work') },
    input: `${world.keys.passphrase}\n`,
    maxBuffer: 1e8,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await whileDamaged(
    `${folder}/shop.tar.gz.enc`,
    () => cut,
    async () => {
      const ended = await world.restore(['--from', 'store', '--run', newer, ...overwrite]);
      assertExplained(t, ended, 5, /^error: cannot .*shop\.tar\.gz\.enc/, /another copy/);
    },
  );
});

badDay('the manifest of an older run stands under the name of a newer one', async (t) => {
  await withManifest(STORE, await signedFiles(world.at(STORE, older)), async () => {
    const ended = await world.restore(['--from', 'store', '--run', newer, ...overwrite]);
    assertExplained(t, ended, 5, /^error: cannot trust /, /./);
    const listed = await world.task('list', []);
    t.equal(listed.exitCode, 5, listed.stdout);
    t.match(listed.stdout, new RegExp(`${newer} +NOT TRUSTED: .*it speaks of db1 ${older}`));
  });
});

badDay("the manifest was swapped for another host's, or signed by another host", async (t) => {
  const other = HostName.parse('db2');
  const inventory = await world.inventoryWith(() => undefined);
  await makeFolder(world.at('db2'), 0o700);
  await addAllowedSigner(inventory, other, await ensureSigningKey(world.at('db2'), other));
  const signers = `${inventory}/signers/allowed_signers`;
  await writeFile(signers, (await readFile(signers, 'utf8')).replace(/^db2 .*$/m, '$& retired'));
  const manifest = await manifestOf(newer);
  for (const host of [other, manifest.host]) {
    const { bytes, signature } = await signManifest({ ...manifest, host }, world.at('db2'));
    await withManifest(STORE, [bytes, signature], async () => {
      const ended = await world.restore(['--from', 'store', '--run', newer, ...overwrite], { inventory });
      assertExplained(t, ended, 5, /^error: cannot trust /, /./);
    });
  }
});

t.test('in the audit repository an older manifest is replayed, one is altered, one is taken away', async (t) => {
  const year = newer.slice(0, 4);
  const path = (name: string) => `manifests/db1/${year}/${name}.json`;
  const clone = world.at('attacker');
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', clone, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  execFileSync('git', ['clone', '--quiet', '--branch', 'main', world.auditRepository, clone]);
  const head = git('rev-parse', 'HEAD').toString().trim();
  const attacks: Record<string, () => Promise<unknown>> = {
    replayed: async () => {
      for (const end of ['', '.sig']) {
        await writeFile(`${clone}/${path(newer)}${end}`, await readFile(`${clone}/${path(older)}${end}`));
      }
    },
    altered: async () => {
      const text = await readFile(`${clone}/${path(newer)}`, 'utf8');
      await writeFile(`${clone}/${path(newer)}`, text.replace('"complete"', '"owed"'));
    },
    removed: async () => git('rm', '-q', path(newer), `${path(newer)}.sig`),
  };
  t.equal((await world.task('validate', [])).exitCode, 0);
  for (const [name, attack] of Object.entries(attacks)) {
    await attack();
    git('add', '--all');
    git('-c', 'user.name=x', '-c', 'user.email=x@example.org', 'commit', '-qm', name);
    git('push', '-qf', 'origin', 'HEAD:main');
    const validated = await world.task('validate', []);
    t.equal(validated.exitCode, 5, `${name}: ${validated.stdout}`);
    t.match(validated.stdout, new RegExp(path(newer)), name);
    git('reset', '-q', '--hard', head);
    git('push', '-qf', 'origin', 'HEAD:main');
  }
  t.equal((await world.task('validate', [])).exitCode, 0);
});

badDay('the private key is that of nobody, or its passphrase is wrong', async (t) => {
  const key = world.at('keys/stranger.pem');
  const made = await run('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072', '-out', key]);
  t.equal(made.exitCode, 0);
  const stranger = await world.restore(['--key', key, ...overwrite]);
  assertExplained(t, stranger, 8, /this private key is none of its recipients'$/, /company, escrow/);
  const wrong = await world.restore(overwrite, { input: 'not the passphrase\n' });
  assertExplained(t, wrong, 8, /^error: cannot open .*company\.pem|passphrase/, /openssl pkey -noout/);
  const none = await world.restore(['--key', world.at('keys/none.pem'), ...overwrite]);
  assertExplained(t, none, 2, /^error: cannot read .*none\.pem/, /./);
});

badDay('the server has a database of that name', async (t) => {
  const all = await world.restore([]);
  assertExplained(t, all, 8, /^error: cannot restore crm, shop: /, /--overwrite crm --overwrite shop/);
  const one = await world.restore(['--database', 'shop', '--overwrite', 'crm']);
  assertExplained(t, one, 8, /^error: cannot restore shop: /, /--overwrite shop$/);
});

badDay('what is asked for is not there', async (t) => {
  const run = await world.restore(['--run', '2001-01-01T000000Z']);
  assertExplained(t, run, 2, /^error: cannot find the run 2001-01-01T000000Z in store/, /tasks\/list\.ts/);
  const database = await world.restore(['--database', 'shopp']);
  assertExplained(t, database, 2, /^error: cannot restore shopp: /, /it has: crm, shop/);
});

badDay('after all that every copy restores', async (t) => {
  await assertNothingHalfDone(t, world);
  for (const from of ['store', 'offsite:contractor']) {
    const ended = await world.restore(['--from', from, ...overwrite]);
    t.equal(ended.exitCode, 0, ended.stderr);
  }
});

function sums(place: string) {
  return run('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: world.at(place, newer) });
}

async function manifestOf(name: string): Promise<Manifest> {
  return JSON.parse(await readFile(world.at(STORE, name, 'manifest.json'), 'utf8')) as Manifest;
}

function iterations({ encryption }: Manifest): number {
  return encryption?.iterations ?? 0;
}

function signedFiles(folder: string): Promise<Buffer[]> {
  return Promise.all(['manifest.json', 'manifest.json.sig'].map((name) => readFile(`${folder}/${name}`)));
}

t.test('a run whose signature does not count is not restored, and why is told as validate tells it', async (t) => {
  const own = order.inventory.allowedSigners;
  const ownLine = own.split('\n').find((line) => line.startsWith(`${order.host.name} `)) ?? '';
  const foreign = await signerOf(t, order.host.name);
  const cases: Record<string, readonly [allowedSigners: string, message: RegExp, hint: RegExp]> = {
    removed: [
      '',
      /: the inventory names no key that may sign for this host$/,
      /bring its line back .* retired; or take another run/,
    ],
    unknown: [
      foreign.line,
      /: it was signed by a key that the inventory does not know, SHA256:/,
      /bring its line back/,
    ],
    "another host's": [
      `${foreign.line}${ownLine.replace(/^\S+/, 'db99')}\n`,
      /: it was signed by the key of db99$/,
      /^take another copy of the run/,
    ],
    expired: [
      ownLine.replace('manifest"', 'manifest",valid-before="20200101Z"'),
      /: it was signed by SHA256:\S+, which is valid until 2020-01-01T/,
      /^see valid-after and valid-before/,
    ],
  };
  for (const [name, [allowedSigners, message, hint]] of Object.entries(cases)) {
    const inventory = { ...order.inventory, allowedSigners };
    await t.rejects(
      restore({ ...order, inventory }),
      { code: 'verification-failed', exitCode: 5, message, hint },
      name,
    );
  }
  t.strictSame(await content(), before);
});

function withManifest(place: string, [bytes, signature]: readonly Buffer[], act: () => Promise<void>): Promise<void> {
  const path = world.at(place, newer, 'manifest.json');
  return whileDamaged(
    path,
    (whole) => bytes ?? whole,
    () => whileDamaged(`${path}.sig`, (whole) => signature ?? whole, act),
  );
}
