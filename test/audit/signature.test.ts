import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { signManifest } from '../../lib/audit/sign.ts';
import { addAllowedSigner, ensureSigningKey, signingKeyPath } from '../../lib/audit/signing-key.ts';
import { verifyManifest } from '../../lib/audit/verify-signature.ts';
import type { HostName } from '../../lib/model/names.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { signerOf, temporaryFolder } from '../fixture/signer.ts';

const AT = new Date('2026-11-22T04:00:00Z');
const db1 = 'db1' as HostName;

t.test('makes one key for a host, for its owner alone, and keeps it', async (t) => {
  const state = join(await temporaryFolder(t), 'state');
  const publicKey = await ensureSigningKey(state, db1);
  t.match(publicKey, /^ssh-ed25519 [A-Za-z0-9+/]+=*$/);
  t.equal(statSync(signingKeyPath(state)).mode & 0o777, 0o600);
  t.equal(await ensureSigningKey(state, db1), publicKey);
});

t.test('replaces what a killed run left half-made', async (t) => {
  const state = await temporaryFolder(t);
  await mkdir(join(state, 'signing.partial'), { recursive: true });
  await writeFile(join(state, 'signing.partial', 'id_ed25519'), 'half a key');
  await ensureSigningKey(state, db1);
  t.strictSame(await readdir(state), ['signing']);
  await writeFile(signingKeyPath(state), 'damaged');
  await t.rejects(ensureSigningKey(state, db1), { code: 'unexpected', hint: /ls -l/ });
  t.equal((await readFile(signingKeyPath(state))).toString(), 'damaged', 'a key is never replaced');
});

t.test('adds a signer once, and never in the place of another', async (t) => {
  const [one, two] = [await signerOf(t, 'db1'), await signerOf(t, 'db1')];
  const folder = await temporaryFolder(t);
  const key = (line: string) => line.split(' ').slice(2, 4).join(' ');
  t.equal(await addAllowedSigner(folder, db1, key(one.line)), 'added');
  t.equal(await addAllowedSigner(folder, db1, key(one.line)), 'present');
  await t.rejects(addAllowedSigner(folder, db1, key(two.line)), { code: 'refused', hint: /allowed_signers by hand/ });
  t.equal(await addAllowedSigner(folder, 'db2' as HostName, key(two.line)), 'added');
  t.equal(
    (await readFile(join(folder, 'signers', 'allowed_signers'))).toString(),
    one.line + two.line.replace('db1', 'db2'),
  );
});

t.test('signs what stock ssh-keygen takes, and what verifyManifest takes', async (t) => {
  const signer = await signerOf(t, 'db1');
  const { bytes, signature, manifest } = await signer.next(AT);
  const folder = t.testdir({ signers: signer.line, sig: signature });
  execFileSync(
    'ssh-keygen',
    ['-Y', 'verify', '-f', join(folder, 'signers'), '-I', 'db1', '-n', 'coffre-manifest', '-s', join(folder, 'sig')],
    { input: bytes, stdio: ['pipe', 'ignore', 'ignore'] },
  );
  const claim = { bytes, signature, allowedSigners: signer.line, host: db1, run: manifest.run };
  t.strictSame((await verifyManifest(claim)).manifest, manifest);
});

t.test('trusts no manifest that is altered, swapped, replayed, or signed by another', async (t) => {
  const [own, other] = [await signerOf(t, 'db1'), await signerOf(t, 'db2')];
  const signed = await own.next(AT);
  const later = await own.next(new Date('2026-11-23T04:00:00Z'));
  const allowedSigners = own.line + other.line;
  const claim = { ...signed, allowedSigners, host: db1, run: signed.manifest.run };
  const altered = Buffer.from(signed.bytes.toString().replace('"tables":3', '"tables":2'));
  const impostor = await other.sign(manifestOf('db1', AT));
  const elsewhere = Buffer.from(
    execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'file', '-f', signingKeyPath(own.stateFolder)], {
      input: signed.bytes,
      stdio: ['pipe', 'pipe', 'ignore'],
    }),
  );
  const attacks = {
    'altered bytes': { ...claim, bytes: altered },
    'the signature of another run': { ...claim, signature: later.signature },
    'an older run in the place of a later one': { ...claim, run: later.manifest.run },
    'the key of another host': { ...claim, bytes: impostor.bytes, signature: impostor.signature },
    "another host's manifest": { ...claim, ...(await other.next(AT)) },
    'a signature for another purpose': { ...claim, signature: elsewhere },
    'no signature': { ...claim, signature: Buffer.alloc(0) },
    'a huge signature': { ...claim, signature: Buffer.alloc(100_000) },
    'nobody may sign': { ...claim, allowedSigners: '' },
    'everybody may sign': { ...claim, allowedSigners: own.line.replace('db1', '*') },
    'a wrong name for the key': { ...claim, allowedSigners: own.line.replace('db1', 'db11') },
  };
  for (const [name, attack] of Object.entries(attacks)) {
    await t.rejects(verifyManifest(attack), { code: 'verification-failed', exitCode: 5, hint: /./ }, name);
  }
  await verifyManifest(claim);
});

t.test('cannot sign without a key, and says how to get one', async (t) => {
  const state = await temporaryFolder(t);
  await t.rejects(signManifest(manifestOf('db1', AT), state), { code: 'refused', hint: /keys.ts signer db1$/ });
  t.notOk(existsSync(signingKeyPath(state)));
});
