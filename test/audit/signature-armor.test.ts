import t from 'tap';
import { signBytes } from '../../lib/audit/sign.ts';
import { isCanonicalArmor } from '../../lib/audit/signature-armor.ts';
import { checkSignature } from '../../lib/audit/verify-signature.ts';
import { signerOf } from '../fixture/signer.ts';

t.test('only what ssh-keygen writes is canonical, also where it takes more', async (t) => {
  const { host, stateFolder, line } = await signerOf(t, 'db1');
  const bytes = Buffer.from('what is signed');
  const signature = await signBytes(bytes, stateFolder, host);
  t.ok(isCanonicalArmor(signature));
  const text = signature.toString();
  const others = {
    'with something behind it': `${text}\n`,
    'with other line ends': text.replaceAll('\n', '\r\n'),
    'on one line': text.replace(/([A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, '$1'),
    'without its last line end': text.trimEnd(),
  };
  let taken = 0;
  for (const [name, other] of Object.entries(others)) {
    t.notOk(isCanonicalArmor(Buffer.from(other)), name);
    const claim = { bytes, signature: Buffer.from(other), allowedSigners: line, host };
    if ((await checkSignature(claim)) === 'valid') taken += 1;
  }
  t.ok(taken > 0, 'ssh-keygen takes some of them: that is why this is asked');
  t.notOk(isCanonicalArmor(Buffer.alloc(0)));
});
