import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Recipient } from '../model/inventory.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import { RecipientName } from '../model/names.ts';
import type { InventoryFinding } from './finding.ts';
import { aboutFile, listFiles, readText } from './text-file.ts';

const FEWEST_BITS = 3072;
/** Folder of the keys that recipients had before, below that of the keys that they have. */
const RETIRED = 'retired';
/** The recipient, and the first digits of the fingerprint of the key that it had. */
const RETIRED_NAME = /^(.+)-([0-9a-f]{16})$/;

/** Every `recipients/<name>.pem` that is an RSA public key of at least 3072 bits, or a certificate of one; anything else there is a finding. */
export async function readRecipients(folder: string) {
  const recipients = new Map<RecipientName, Recipient>();
  const { names, findings } = await listFiles(folder, 'recipients', '.pem', [RETIRED]);
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

/** Where the key that a recipient had before is kept, below the folder of the inventory. */
export function retiredFile(name: RecipientName, publicKey: string): string {
  return `recipients/${RETIRED}/${name}-${keyFingerprint(createPublicKey(publicKey)).slice(0, 16)}.pem`;
}

/** Every `recipients/retired/<name>-<beginning of the fingerprint>.pem`, under the name of its recipient. */
export async function readRetired(folder: string) {
  const retired: Recipient[] = [];
  const { names, findings } = await listFiles(folder, `recipients/${RETIRED}`, '.pem');
  for (const text of names) {
    const file = `recipients/${RETIRED}/${text}.pem`;
    const name = RecipientName.safeParse(RETIRED_NAME.exec(text)?.[1]);
    const publicKey = await readText(folder, file);
    if (publicKey === undefined) continue;
    const fault = typeof publicKey === 'string' ? faultOf(publicKey, file) : publicKey;
    if (fault) findings.push(fault);
    else if (typeof publicKey !== 'string' || /PRIVATE KEY/.test(publicKey)) continue;
    else if (!name.success || file !== retiredFile(name.data, publicKey)) {
      const message = 'it is named by its recipient and the first 16 digits of the fingerprint of the key';
      findings.push(aboutFile('recipient', file, message));
    } else retired.push({ name: name.data, publicKey });
  }
  return { retired, findings };
}

function faultOf(pem: string, file: string): InventoryFinding | undefined {
  const fault = (message: string) => aboutFile('recipient', file, message);
  if (/PRIVATE KEY/.test(pem)) return undefined; // the rule about private keys says it
  if (!/^\s*-----BEGIN (PUBLIC KEY|CERTIFICATE)-----[^-]+-----END \1-----\s*$/.test(pem)) {
    return fault('expected one public key in PEM form, BEGIN PUBLIC KEY, or one certificate: BEGIN CERTIFICATE');
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    return fault('this is not a public key, nor a certificate of one');
  }
  if (key.asymmetricKeyType !== 'rsa')
    return fault(`expected an RSA key, and this is one of type ${key.asymmetricKeyType}`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < FEWEST_BITS ? fault(`its ${bits} bits are too few: at least ${FEWEST_BITS} are needed`) : undefined;
}
