import { createPrivateKey, createPublicKey } from 'node:crypto';
import t from 'tap';
import { keyHolder } from '../../lib/flow/key-holder.ts';
import type { AgentQuestion } from '../../lib/model/agent-question.ts';
import { keyFingerprint } from '../../lib/model/key-fingerprint.ts';
import type { Manifest, SignedManifest } from '../../lib/model/manifest.ts';
import type { HostName } from '../../lib/model/names.ts';
import { wrapLater, wrapPassphrase } from '../../lib/seal/envelope.ts';
import { Passphrase } from '../../lib/seal/passphrase.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { type Signer, signerOf } from '../fixture/signer.ts';
import { plainKeyPair } from '../seal/keys.ts';

const company = plainKeyPair();
const privateKey = createPrivateKey(company.privateKey);
const host = 'db1' as HostName;
type Shown = Extract<AgentQuestion, { ask: 'passphrase' }>;

/** A signed run of a host with an envelope for the company, as an agent shows it. */
async function runOf(signer: Signer, day: number) {
  const passphrase = Passphrase.random();
  const wrapped = wrapPassphrase(company.publicKey, passphrase);
  const recipient = {
    name: 'company',
    fingerprint: keyFingerprint(createPublicKey(company.publicKey)),
    wrappedKey: { file: 'company.key.enc', sha256: sha256Of(wrapped) },
  };
  const startedAt = new Date(Date.UTC(2026, 10, day, 4));
  const recipients = [recipient] as unknown as Manifest['recipients'];
  const signed = await signer.sign(manifestOf(signer.host, startedAt, { recipients }));
  return { passphrase, wrapped, signed, shown: shownOf(signed, wrapped) };
}

function shownOf({ manifest, bytes, signature }: SignedManifest, wrapped: Buffer): Shown {
  return {
    ask: 'passphrase',
    run: manifest.run,
    where: '/mnt/data',
    manifest: bytes.toString('base64'),
    signature: signature.toString('base64'),
    wrappedKeys: { 'company.key.enc': wrapped.toString('base64') },
  };
}

t.test('gives the passphrase of the run that was ordered, as often as it is asked for it', async (t) => {
  const db1 = await signerOf(t, 'db1');
  const { passphrase, shown, signed } = await runOf(db1, 22);
  const holder = keyHolder({ privateKey, host, run: signed.manifest.run, allowedSigners: db1.line });
  for (const _ of [1, 2]) t.equal((await holder(shown)).reveal(), passphrase.reveal());
  t.equal((await keyHolder({ privateKey, host, run: undefined, allowedSigners: db1.line })(shown)).reveal().length, 64);
});

t.test('a host that wants another one gets none', async (t) => {
  const [db1, db2] = [await signerOf(t, 'db1'), await signerOf(t, 'db2')];
  const [first, second, foreign] = [await runOf(db1, 21), await runOf(db1, 22), await runOf(db2, 22)];
  const allowedSigners = db1.line + db2.line;
  const newest = keyHolder({ privateKey, host, run: undefined, allowedSigners });
  const ordered = keyHolder({ privateKey, host, run: first.signed.manifest.run, allowedSigners });
  const refused = { code: 'refused', hint: `--run ${second.signed.manifest.run}` };
  await t.rejects(ordered(second.shown), { ...refused, message: /2026-11-21T040000Z was ordered/ });
  await newest(first.shown);
  await t.rejects(newest(second.shown), { ...refused, message: /asked for that of 2026-11-21T040000Z already/ });

  const holder = keyHolder({ privateKey, host, run: undefined, allowedSigners });
  const untrusted = { code: 'verification-failed', exitCode: 5 };
  await t.rejects(holder(foreign.shown), untrusted, 'a run of another host');
  await t.rejects(holder({ ...first.shown, run: second.signed.manifest.run }), untrusted, 'under another name');
  await t.rejects(holder({ ...first.shown, signature: second.shown.signature }), untrusted, 'another signature');
  const forged = Buffer.from(`${first.signed.bytes}`.replace('"sequence":1', '"sequence":2')).toString('base64');
  await t.rejects(holder({ ...first.shown, manifest: forged }), untrusted, 'a changed manifest');
  await t.rejects(holder({ ...first.shown, wrappedKeys: foreign.shown.wrappedKeys }), untrusted, "another's envelope");
  await t.rejects(holder({ ...first.shown, wrappedKeys: {} }), { ...untrusted, message: /missing/ }, 'no envelope');
  const stranger = keyHolder({ privateKey, host, run: undefined, allowedSigners: db2.line });
  await t.rejects(stranger(first.shown), untrusted, 'a host that the inventory does not let sign');
  t.equal((await holder(second.shown)).reveal(), second.passphrase.reveal(), 'what was refused counts for nothing');
});

t.test('a key of somebody who is no recipient opens nothing', async (t) => {
  const db1 = await signerOf(t, 'db1');
  const { shown } = await runOf(db1, 22);
  const other = createPrivateKey(plainKeyPair().privateKey);
  const holder = keyHolder({ privateKey: other, host, run: undefined, allowedSigners: db1.line });
  await t.rejects(holder(shown), { code: 'private-key', exitCode: 8, hint: /company/ });
});

t.test('an envelope that was added later is opened for its own run alone', async (t) => {
  const [db1, db2] = [await signerOf(t, 'db1'), await signerOf(t, 'db2')];
  const [own, foreign] = [await runOf(db1, 22), await runOf(db2, 22)];
  const auditor = plainKeyPair(3072);
  const fingerprint = keyFingerprint(createPublicKey(auditor.publicKey));
  const file = `auditor-${fingerprint.slice(0, 16)}.key.enc`;
  const holder = keyHolder({
    privateKey: createPrivateKey(auditor.privateKey),
    ...{ host, run: undefined, allowedSigners: db1.line + db2.line },
  });
  const showing = (envelope: Buffer): Shown => ({
    ...own.shown,
    wrappedKeys: { ...own.shown.wrappedKeys, [file]: envelope.toString('base64') },
  });
  const label = (run: typeof own) => Buffer.from(run.signed.sha256, 'hex');
  await t.rejects(holder(own.shown), { code: 'private-key' }, 'it has none');
  const sound = wrapLater(auditor.publicKey, own.passphrase, label(own));
  t.equal((await holder(showing(sound))).reveal(), own.passphrase.reveal());
  // A host that is not to be trusted shows what was made for a run of another one, to have it unwrapped for itself.
  for (const stolen of [
    wrapLater(auditor.publicKey, foreign.passphrase, label(foreign)),
    wrapPassphrase(auditor.publicKey, foreign.passphrase),
    Buffer.from('x'),
  ])
    await t.rejects(holder(showing(stolen)), { code: 'verification-failed', message: /made for another run/ });
});
