import { createCipheriv, createPrivateKey, type KeyObject, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';
import { CoffreError } from '../model/error.ts';

const derive = promisify(pbkdf2);
const { asn1, pki } = forge;

/**
 * A person chose this passphrase, so here iterations do count: OWASP's figure for PBKDF2-HMAC-SHA256.
 * node-forge's own derivation is JavaScript for SHA-256 and takes seconds for it; OpenSSL's takes a fraction of one.
 */
const ITERATIONS = 600_000;
const HMAC_WITH_SHA256 = '1.2.840.113549.2.9';

/**
 * A private key as `BEGIN ENCRYPTED PRIVATE KEY`: PKCS#8 under PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC, which
 * `openssl pkey -in key.pem` reads. Source: RFC 5958 section 3, RFC 8018 appendix A.
 */
export async function encryptPrivateKey(key: forge.pki.rsa.PrivateKey, passphrase: string): Promise<string> {
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const wrapping = await derive(passphrase, salt, ITERATIONS, 32, 'sha256');
  const info = asn1.toDer(pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(key))).getBytes();
  const cipher = createCipheriv('aes-256-cbc', wrapping, iv);
  const encrypted = Buffer.concat([cipher.update(info, 'latin1'), cipher.final()]);
  const algorithm = sequence(
    oid(named('pkcs5PBES2')),
    sequence(
      sequence(
        oid(named('pkcs5PBKDF2')),
        sequence(octets(salt), integer(ITERATIONS), sequence(oid(HMAC_WITH_SHA256), none())),
      ),
      sequence(oid(named('aes256-CBC')), octets(iv)),
    ),
  );
  const body = asn1.toDer(sequence(algorithm, octets(encrypted))).getBytes();
  return forge.pem.encode({ type: 'ENCRYPTED PRIVATE KEY', body }, { maxline: 64 }).replaceAll('\r\n', '\n');
}

/** Whether a private key in PEM has a passphrase. Throws `private-key` for what is no private key in PEM. */
export function isProtected(pem: string): boolean {
  if (!/PRIVATE KEY-----/.test(pem)) throw refusal('it is not a private key in PEM', 'give the path of its .pem file');
  return /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem);
}

/**
 * Opens a private key in PEM, whatever OpenSSL can read of it; `path` is for the hint. The key stays inside OpenSSL, out
 * of reach of a log or an inspection. Throws `private-key` when the passphrase is wrong or the file is no RSA private key.
 */
export function openPrivateKey(pem: string, passphrase: string, path = 'key.pem'): KeyObject {
  const why = isProtected(pem) ? 'the passphrase is wrong, or the file is damaged' : 'the file is damaged';
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem', passphrase });
  } catch {
    // The cause is left out on purpose: what OpenSSL says of a key is for nobody's log.
    throw refusal(why, `try it with: openssl pkey -noout -in ${path}`);
  }
  if (key.asymmetricKeyType !== 'rsa') throw refusal('it is not an RSA key', 'give the private key of a recipient');
  return key;
}

function refusal(why: string, hint: string): CoffreError {
  return new CoffreError('private-key', `cannot open the private key: ${why}`, { hint });
}

type Node = forge.asn1.Asn1;

function node(type: forge.asn1.Type, constructed: boolean, value: Node[] | string): Node {
  return asn1.create(asn1.Class.UNIVERSAL, type, constructed, value);
}

function sequence(...members: Node[]): Node {
  return node(asn1.Type.SEQUENCE, true, members);
}

function oid(dotted: string): Node {
  return node(asn1.Type.OID, false, asn1.oidToDer(dotted).getBytes());
}

function octets(content: Buffer): Node {
  return node(asn1.Type.OCTETSTRING, false, content.toString('latin1'));
}

function integer(value: number): Node {
  return node(asn1.Type.INTEGER, false, asn1.integerToDer(value).getBytes());
}

function none(): Node {
  return node(asn1.Type.NULL, false, '');
}

function named(name: string): string {
  const dotted = pki.oids[name];
  if (dotted === undefined) throw new Error(`node-forge knows no OID named ${name}`);
  return dotted;
}
