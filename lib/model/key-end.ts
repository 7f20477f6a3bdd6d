import { X509Certificate } from 'node:crypto';
import type { RecipientName } from './names.ts';

/** So long before a certificate ends it is told: a new key takes a meeting, and a trip to where the old one is kept. */
export const WARN_DAYS = 60;
const DAY_MS = 86_400_000;

/**
 * When a recipient's certificate ends; null for a bare public key, which never does, and for what is neither. What is sealed for a
 * key that has ended opens as before: the date is a promise to look at who has the key, and not a lock.
 */
export function keyEnd(pem: string): Date | null {
  if (!/-----BEGIN CERTIFICATE-----/.test(pem)) return null;
  try {
    return new Date(new X509Certificate(pem).validTo);
  } catch {
    return null; // whoever reads the key says so
  }
}

/** What is to be told of the end of a recipient's certificate; undefined while it is far, or where there is none. */
export function keyEndRemark(
  name: RecipientName,
  pem: string,
  now: Date,
): { readonly text: string; readonly hint: string; readonly hasEnded: boolean } | undefined {
  const end = keyEnd(pem);
  const leftMs = end === null ? Number.POSITIVE_INFINITY : end.getTime() - now.getTime();
  if (end === null || leftMs > WARN_DAYS * DAY_MS) return undefined;
  const date = end.toISOString().slice(0, 10);
  const days = Math.floor(Math.abs(leftMs) / DAY_MS);
  const span = days === 1 ? '1 day' : `${days} days`;
  const hint = `give it a new key: npx zx tasks/keys.ts rotate ${name} --private-key FILE --days 730; then: npx zx tasks/provision.ts --all`;
  if (leftMs >= 0) return { text: `the certificate of ${name} ends on ${date}, in ${span}`, hint, hasEnded: false };
  const text = `THE CERTIFICATE OF ${name} HAS ENDED, on ${date}, ${span} ago; runs are sealed for its key all the same`;
  return { text, hint, hasEnded: true };
}
