import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { appendToChain, type ChainHead, readHead, settle } from '../../lib/audit/chain.ts';
import { readOutbox } from '../../lib/audit/outbox.ts';
import { factsOf } from '../../lib/audit/signed-record.ts';
import { exclusively } from '../../lib/system/exclusive.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { type Signer, signerOf, temporaryFolder } from '../fixture/signer.ts';

const nowhere = async () => undefined;
const day = (n: number) => new Date(Date.UTC(2026, 10, n, 4));

const append = (signer: Signer, n: number, recover: () => Promise<ChainHead | undefined> = nowhere) =>
  appendToChain(signer.stateFolder, recover, (link) => signer.sign(manifestOf(signer.host, day(n), link)));

t.test('each manifest names the one before it, published or not', async (t) => {
  const signer = await signerOf(t, 'db1');
  const one = await append(signer, 1);
  t.match(one.manifest, { sequence: 1, previous: null });
  const two = await append(signer, 2);
  t.match(two.manifest, { sequence: 2, previous: one.sha256 });
  await settle(signer.stateFolder, [one, two]);
  t.strictSame(await readOutbox(signer.stateFolder), []);
  t.match((await append(signer, 3)).manifest, { sequence: 3, previous: two.sha256 });
});

t.test('runs that end at one moment make one chain', async (t) => {
  const signer = await signerOf(t, 'db1');
  await Promise.all([1, 2, 3, 4, 5].map((n) => append(signer, n)));
  const waiting = await readOutbox(signer.stateFolder);
  t.strictSame(
    waiting.map((signed) => factsOf(signed).sequence),
    [1, 2, 3, 4, 5],
  );
  for (const [index, signed] of waiting.entries())
    t.equal(factsOf(signed).previous, waiting[index - 1]?.sha256 ?? null);
});

t.test('a kill between any two writes leaves the chain whole', async (t) => {
  const signer = await signerOf(t, 'db1');
  const record = join(signer.stateFolder, 'chain.json');
  const outbox = join(signer.stateFolder, 'outbox');
  const one = await append(signer, 1);

  // After the signature was written, and before the manifest: as if nothing had happened.
  await writeFile(join(outbox, '000000002-2026-11-02T040000Z.json.sig'), 'x');
  await writeFile(join(outbox, '000000002-2026-11-02T040000Z.json.partial'), 'x');
  t.match(await readHead(signer.stateFolder), { sequence: 1, sha256: one.sha256 });

  // After the manifest was written, and before the record.
  const two = await append(signer, 2);
  await writeFile(record, JSON.stringify({ sequence: 1, sha256: one.sha256 }));
  t.match(await readHead(signer.stateFolder), { sequence: 2, sha256: two.sha256 });

  // After the publication, in the middle of clearing the outbox: the record is brought forward first.
  await settle(signer.stateFolder, [one, two]);
  t.match(await readHead(signer.stateFolder), { sequence: 2, sha256: two.sha256 });

  // Nothing stays of the writes and removals in whose middle somebody was killed; what waits does.
  const three = await append(signer, 3);
  await writeFile(join(outbox, '000000003-2026-11-02T050000Z.json.sig.partial'), 'x');
  await writeFile(join(outbox, '000000003-2026-11-02T050000Z.json.sig'), 'x');
  const four = await append(signer, 4);
  await settle(signer.stateFolder, [three]);
  const [name = ''] = await readdir(outbox);
  t.strictSame(await readdir(outbox), [name, `${name}.sig`]);
  t.match(name, /^000000004-/);
  t.match(four.manifest, { sequence: 4, previous: three.sha256 });
});

t.test('a host that has lost its record asks what is published', async (t) => {
  const signer = await signerOf(t, 'db1');
  const one = await append(signer, 1);
  await settle(signer.stateFolder, [one]);
  await rm(join(signer.stateFolder, 'chain.json'));
  const recovered = await append(signer, 2, async () => ({ sequence: 7, sha256: one.sha256 }));
  t.match(recovered.manifest, { sequence: 8, previous: one.sha256 });
});

t.test(
  'nothing is added when nobody can know the head, when the record is damaged, or when the link is wrong',
  async (t) => {
    const signer = await signerOf(t, 'db1');
    await t.rejects(
      append(signer, 1, () => Promise.reject(new Error('out of reach'))),
      { message: 'out of reach' },
    );
    const wrong = appendToChain(signer.stateFolder, nowhere, () =>
      signer.sign(manifestOf('db1', day(1), { sequence: 2 })),
    );
    await t.rejects(wrong, { code: 'unexpected' });
    await writeFile(join(signer.stateFolder, 'chain.json'), '{');
    await t.rejects(append(signer, 1), { code: 'verification-failed', hint: /remove it/ });
    t.strictSame(await readdir(join(signer.stateFolder, 'outbox')), []);
  },
);

t.test('refuses an outbox whose files do not hold what their names say', async (t) => {
  const signer = await signerOf(t, 'db1');
  const one = await append(signer, 1);
  const name = join(signer.stateFolder, 'outbox', '000000002-2026-11-02T040000Z.json');
  await writeFile(name, one.bytes);
  await writeFile(`${name}.sig`, one.signature);
  await t.rejects(readOutbox(signer.stateFolder), { code: 'verification-failed', hint: /ls -la/ });
});

t.test('the lock lets one in at a time, and ends with who held it', async (t) => {
  const folder = await temporaryFolder(t);
  let inside = 0;
  let most = 0;
  const enter = () =>
    exclusively(folder, 'x', 10_000, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside -= 1;
    });
  await Promise.all([enter(), enter(), enter()]);
  t.equal(most, 1);
  await exclusively(folder, 'x', 1000, async () => {
    await t.rejects(
      exclusively(folder, 'x', 100, async () => undefined),
      { code: 'locked', exitCode: 6 },
    );
  });
  await t.rejects(
    exclusively(folder, 'x', 1000, () => Promise.reject(new Error('inside'))),
    { message: 'inside' },
  );
  await exclusively(folder, 'x', 1000, async () => t.pass('free again'));
});
