import { readFile } from 'node:fs/promises';
import t from 'tap';
import { signBytes } from '../../lib/audit/sign.ts';
import { signatureKey } from '../../lib/audit/signature-key.ts';
import { ensureSigningKey, signingKeyPath } from '../../lib/audit/signing-key.ts';
import { HostName } from '../../lib/model/names.ts';
import { run } from '../../lib/system/command.ts';

const state = t.testdir();
const host = HostName.parse('db1');
const publicKey = await ensureSigningKey(state, host);
const signature = await signBytes(Buffer.from('x'), state, host);

t.test('tells the key in a signature as ssh-keygen does', async (t) => {
  const key = signatureKey(signature);
  t.equal(key?.publicKey, publicKey.split(' ').slice(0, 2).join(' '));
  const { stdout } = await run('ssh-keygen', ['-lf', signingKeyPath(state)]);
  t.match(stdout, key?.fingerprint ?? 'none');
});

t.test('tells none of what is no signature, or is cut short', async (t) => {
  const text = signature.toString();
  const lines = text.split('\n');
  for (const other of [
    '',
    'x',
    text.replace('U1NIU0lH', 'AAAAAAAA'),
    [lines[0], 'U1NIU0lHAAAAAQAAADM=', ...lines.slice(-2)].join('\n'),
  ])
    t.equal(signatureKey(Buffer.from(other)), undefined);
  t.ok((await readFile(signingKeyPath(state))).length > 0);
});
