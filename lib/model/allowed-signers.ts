import { HostName } from './names.ts';

/** The SSHSIG namespace of manifests: a signature made for anything else is none. */
export const SIGNATURE_NAMESPACE = 'coffre-manifest';

/** The comment that keeps a key of a host that has left the inventory: what it signed stays valid. */
const RETIRED = 'retired';

/** One line of `allowed_signers`: a key that may sign the manifests of one host. */
export interface AllowedSigner {
  readonly host: HostName;
  /** Key type and key, as in an OpenSSH public key file, without a comment. */
  readonly publicKey: string;
  readonly retired: boolean;
  /** From 1 on. */
  readonly line: number;
}

interface Fault {
  readonly line: number;
  readonly message: string;
}

const LINE = /^(\S+)[ \t]+namespaces="([^"]*)"[ \t]+(\S+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+(.*))?$/;
const KEY_TYPES = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'];

/**
 * Reads the narrow part of ssh-keygen's ALLOWED SIGNERS format that can be trusted at a glance:
 * `<host> namespaces="coffre-manifest" <type> <key> [comment]`, one host a line, no patterns, no other options.
 */
export function parseAllowedSigners(text: string): { signers: AllowedSigner[]; faults: Fault[] } {
  const signers: AllowedSigner[] = [];
  const faults: Fault[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const line = index + 1;
    const parsed = parseLine(content);
    if (typeof parsed === 'string') faults.push({ line, message: parsed });
    else signers.push({ ...parsed, line });
  }
  return { signers, faults };
}

/** The line that lets `publicKey` sign for `host`, without a line end. */
export function allowedSignersLine(host: HostName, publicKey: string): string {
  const [type, key] = publicKey.trim().split(/[ \t]+/);
  return `${host} namespaces="${SIGNATURE_NAMESPACE}" ${type} ${key}`;
}

function parseLine(content: string): Omit<AllowedSigner, 'line'> | string {
  const match = LINE.exec(content);
  if (!match) return `expected: <host> namespaces="${SIGNATURE_NAMESPACE}" ssh-ed25519 <key>`;
  const [, principal = '', namespaces, type = '', key = '', comment = ''] = match;
  const host = HostName.safeParse(principal);
  if (!host.success) return 'the first word must be the exact name of one host, not a pattern and not a list';
  if (namespaces !== SIGNATURE_NAMESPACE) return `the namespace must be exactly "${SIGNATURE_NAMESPACE}"`;
  if (!KEY_TYPES.includes(type)) return `a key of type ${type} is not taken; taken are ${KEY_TYPES.join(', ')}`;
  if (typeInside(key) !== type) return `this is not a key of type ${type}`;
  return { host: host.data, publicKey: `${type} ${key}`, retired: comment.trim() === RETIRED };
}

/** The type that an OpenSSH public key blob names itself: a length in four bytes, then the name. */
function typeInside(key: string): string {
  const blob = Buffer.from(key, 'base64');
  return blob.length < 4 ? '' : blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1');
}
