import { mkdir, writeFile } from 'node:fs/promises';
import t from 'tap';
import { signManifest } from '../../lib/audit/sign.ts';
import { signatureKey } from '../../lib/audit/signature-key.ts';
import { ensureSigningKey } from '../../lib/audit/signing-key.ts';
import { offlineHost } from '../../lib/flow/offline-host.ts';
import { readManifest } from '../../lib/flow/read-manifest.ts';
import { allowedSignersLine } from '../../lib/model/allowed-signers.ts';
import { HostName } from '../../lib/model/names.ts';
import { folderReader } from '../../lib/storage/run-folders.ts';
import { manifestOf } from '../fixture/manifest.ts';

const folder = t.testdir({ state: {}, runs: {}, bad: 'db1 ssh-rsa AAAA' });
const host = HostName.parse('db7');
const publicKey = await ensureSigningKey(`${folder}/state`, host);
const { manifest, bytes, signature } = await signManifest(
  manifestOf('db7', new Date('2026-11-22T04:00:00Z')),
  `${folder}/state`,
);
const run = `${folder}/runs/${manifest.run}`;
await mkdir(run);
await writeFile(`${run}/manifest.json`, bytes);
await writeFile(`${run}/manifest.json.sig`, signature);
await writeFile(`${folder}/allowed_signers`, `${allowedSignersLine(host, publicKey)}\n`);
const fingerprint = signatureKey(signature)?.fingerprint ?? '';

for (const [what, trust] of [
  ['a file of signers', { kind: 'signers', path: `${folder}/allowed_signers` }],
  ['the fingerprint of a key', { kind: 'fingerprint', fingerprint }],
] as const) {
  t.test(`by ${what} a folder tells of which host its runs are, and they can be trusted`, async (t) => {
    for (const where of [run, `${folder}/runs`]) {
      const { host: found, inventory } = await offlineHost(where, undefined, trust);
      t.equal(found.name, 'db7');
      const trusted = await readManifest(folderReader(run), found.name, manifest.run, inventory.allowedSigners);
      t.equal(trusted.manifest.run, manifest.run);
    }
  });
}

t.test('another key is not trusted, and is told, to be compared with what is on paper', async (t) => {
  const trust = { kind: 'fingerprint', fingerprint: `SHA256:${'A'.repeat(43)}` } as const;
  await t.rejects(offlineHost(run, undefined, trust), {
    code: 'verification-failed',
    message: `it was signed by ${fingerprint}, and not by `,
  });
});

t.test('what is no list of signers, or no run, is said to be none', async (t) => {
  await t.rejects(offlineHost(run, undefined, { kind: 'signers', path: `${folder}/bad` }), {
    code: 'usage',
    message: /bad: line 1: /,
  });
  await t.rejects(offlineHost(run, undefined, { kind: 'signers', path: `${folder}/none` }), { code: 'not-found' });
  await t.rejects(offlineHost(`${folder}/state`, undefined, { kind: 'fingerprint', fingerprint }), {
    code: 'not-found',
  });
});

t.test('a manifest with a byte that has flipped is damaged, whatever it says by then', async (t) => {
  const at = `${folder}/flipped`;
  await mkdir(at);
  await writeFile(`${at}/manifest.json.sig`, signature);
  for (const place of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
    const flipped = Buffer.from(bytes);
    flipped[place] = (flipped[place] ?? 0) ^ 0x80;
    await writeFile(`${at}/manifest.json`, flipped);
    await t.rejects(offlineHost(at, undefined, { kind: 'fingerprint', fingerprint }), {
      code: 'verification-failed',
      message: /flipped: its manifest\.json is damaged, or not the one that manifest\.json\.sig was made for$/,
      hint: /^take another copy/,
    });
  }
});
