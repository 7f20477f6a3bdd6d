import { randomBytes } from 'node:crypto';
import forge from 'node-forge';

const { pki } = forge;
const DAY_MS = 86_400_000;

export interface CertificateWish {
  /** Whose it is. */
  readonly name: string;
  readonly from: Date;
  readonly days: number;
}

/**
 * A certificate of this key, signed by itself, as PEM: it adds an end to a public key, and vouches for nobody. Whose key it is
 * the inventory says, as of a bare one. `openssl x509 -in company.pem -pubkey -noout` gives the public key.
 */
export function certify(key: forge.pki.rsa.PrivateKey, { name, from, days }: CertificateWish): string {
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.setRsaPublicKey(key.n, key.e);
  // Positive, as RFC 5280 section 4.1.2.2 asks for.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = from;
  certificate.validity.notAfter = new Date(from.getTime() + days * DAY_MS);
  const subject = [{ name: 'commonName', value: name }];
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', keyEncipherment: true, critical: true },
  ]);
  certificate.sign(key, forge.md.sha256.create());
  return pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

/** The same for a key that is there already, as open PKCS#8. It MUST NOT be kept. */
export function certifyPem(privateKeyPem: string, wish: CertificateWish): string {
  return certify(pki.privateKeyFromPem(privateKeyPem), wish);
}
