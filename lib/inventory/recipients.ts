import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Recipient } from '../model/inventory.ts';
import { RecipientName } from '../model/names.ts';
import type { InventoryFinding } from './finding.ts';
import { aboutFile, listFiles, readText } from './text-file.ts';

const FEWEST_BITS = 3072;

/** Every `recipients/<name>.pem` that is an RSA public key of at least 3072 bits; anything else there is a finding. */
export async function readRecipients(folder: string) {
  const recipients = new Map<RecipientName, Recipient>();
  const { names, findings } = await listFiles(folder, 'recipients', '.pem');
  for (const text of names) {
    const file = `recipients/${text}.pem`;
    const name = RecipientName.safeParse(text);
    const publicKey = await readText(folder, file);
    if (publicKey === undefined) continue;
    if (typeof publicKey !== 'string') findings.push(publicKey);
    else if (!name.success)
      findings.push(aboutFile('recipient', file, name.error.issues[0]?.message ?? 'the name does not fit'));
    else {
      const fault = faultOf(publicKey, file);
      if (fault) findings.push(fault);
      // A key that is wrong is still a name that hosts may use: one mistake, one finding.
      recipients.set(name.data, { name: name.data, publicKey });
    }
  }
  return { recipients, findings };
}

function faultOf(pem: string, file: string): InventoryFinding | undefined {
  const fault = (message: string) => aboutFile('recipient', file, message);
  if (/PRIVATE KEY/.test(pem)) return undefined; // the rule about private keys says it
  if (!/^\s*-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\s*$/.test(pem)) {
    return fault('expected one public key in PEM form: BEGIN PUBLIC KEY');
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    return fault('this is not a public key');
  }
  if (key.asymmetricKeyType !== 'rsa')
    return fault(`expected an RSA key, and this is one of type ${key.asymmetricKeyType}`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < FEWEST_BITS ? fault(`its ${bits} bits are too few: at least ${FEWEST_BITS} are needed`) : undefined;
}
