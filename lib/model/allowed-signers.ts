import { HostName } from './names.ts';
import { parseSshPublicKey } from './ssh-public-key.ts';

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
  /** What it signed before then does not count; null when it always did. */
  readonly validAfter: Date | null;
  /** What it signed after then does not count; null when it has no end. */
  readonly validBefore: Date | null;
  /** From 1 on. */
  readonly line: number;
}

interface Fault {
  readonly line: number;
  readonly message: string;
}

const LINE =
  /^(\S+)[ \t]+([a-z-]+="[^"]*"(?:,[a-z-]+="[^"]*")*)[ \t]+(\S+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+(.*))?$/;
const OPTION = /([a-z-]+)="([^"]*)"/g;
const OPTIONS = ['namespaces', 'valid-after', 'valid-before'];
const KEY_TYPES = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];

/**
 * Reads the narrow part of ssh-keygen's ALLOWED SIGNERS format that can be trusted at a glance:
 * `<host> namespaces="coffre-manifest" <type> <key> [comment]`, one host a line, no patterns; behind the namespace
 * `,valid-after="20261101Z"` and `,valid-before="20270131Z"` may stand, each in UTC.
 */
export function parseAllowedSigners(text: string): { signers: AllowedSigner[]; faults: Fault[] } {
  const signers: AllowedSigner[] = [];
  const faults: Fault[] = [];
  if (text.startsWith('\uFEFF'))
    faults.push({
      line: 1,
      message: 'it begins with a byte order mark, which ssh-keygen takes for a part of the first line: save it without',
    });
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const line = index + 1;
    const parsed = parseLine(content);
    if (typeof parsed === 'string') faults.push({ line, message: parsed });
    else signers.push({ ...parsed, line });
  }
  return { signers, faults: [...faults, ...sharedKeys(signers)] };
}

/**
 * Whoever has a key that may sign for two could put the one's name under what the other did. A host that got another name may
 * keep its key: the line of the old name is retired then.
 */
function sharedKeys(signers: readonly AllowedSigner[]): Fault[] {
  const owners = new Map<string, AllowedSigner>();
  return signers.flatMap((signer) => {
    if (signer.retired) return [];
    const owner = owners.get(signer.publicKey);
    if (!owner) owners.set(signer.publicKey, signer);
    if (!owner || owner.host === signer.host) return [];
    return [
      { line: signer.line, message: `this is the key of ${owner.host} (line ${owner.line}): each has one of its own` },
    ];
  });
}

/** The line that lets `publicKey` sign for `host`, without a line end. */
export function allowedSignersLine(host: HostName, publicKey: string): string {
  const [type, key] = publicKey.trim().split(/[ \t]+/);
  return `${host} namespaces="${SIGNATURE_NAMESPACE}" ${type} ${key}`;
}

/** Whether what `signer` says it signed `at` that time counts. Both ends are part of it, as with ssh-keygen. */
export function isValidAt({ validAfter, validBefore }: AllowedSigner, at: Date): boolean {
  const second = Math.floor(at.getTime() / 1000) * 1000;
  return second >= (validAfter?.getTime() ?? second) && second <= (validBefore?.getTime() ?? second);
}

function parseLine(content: string): Omit<AllowedSigner, 'line'> | string {
  const match = LINE.exec(content);
  if (!match) return `expected: <host> namespaces="${SIGNATURE_NAMESPACE}" ssh-ed25519 <key>`;
  const [, principal = '', options = '', type = '', key = '', comment = ''] = match;
  const host = HostName.safeParse(principal);
  if (!host.success) return 'the first word must be the exact name of one host, not a pattern and not a list';
  const validity = parseOptions(options);
  if (typeof validity === 'string') return validity;
  if (type.startsWith('sk-'))
    return 'a key of a security key is not taken: each signature would need a person to touch it';
  if (!KEY_TYPES.includes(type)) return `a key of type ${type} is not taken; taken are ${KEY_TYPES.join(', ')}`;
  const blob = Buffer.from(key, 'base64');
  if (blob.toString('base64') !== key || typeInside(blob) !== type || !parseSshPublicKey(blob))
    return `this is not a key of type ${type}${type === 'ssh-rsa' ? ' with at least 2048 bits' : ''}`;
  return { host: host.data, publicKey: `${type} ${key}`, retired: comment.trim() === RETIRED, ...validity };
}

function parseOptions(text: string): Pick<AllowedSigner, 'validAfter' | 'validBefore'> | string {
  const found = [...text.matchAll(OPTION)].map(([, name = '', value = '']) => [name, value] as const);
  const options = new Map(found);
  const stranger = found.find(([name]) => !OPTIONS.includes(name));
  if (stranger) return `the option ${stranger[0]} is not taken; taken are ${OPTIONS.join(', ')}`;
  if (options.size < found.length) return 'an option stands here twice';
  if (options.get('namespaces') !== SIGNATURE_NAMESPACE)
    return `the namespace must be exactly "${SIGNATURE_NAMESPACE}"`;
  const [after, before] = [options.get('valid-after'), options.get('valid-before')];
  const [validAfter, validBefore] = [after, before].map((each) => (each === undefined ? null : parseTime(each)));
  if (validAfter === undefined || validBefore === undefined)
    return 'a time of validity is written like 20270131Z or 20270131235959Z, in UTC, with the Z at its end';
  if (validAfter && validBefore && validBefore <= validAfter)
    return 'its valid-before is not later than its valid-after';
  return { validAfter, validBefore };
}

/** ssh-keygen takes a time without a Z too, and reads it in the time zone of whatever machine it runs on. */
function parseTime(text: string): Date | undefined {
  const [, year, month, day, hour = '00', minute = '00', second = '00'] =
    /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?Z$/.exec(text) ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const at = new Date(iso);
  // A thirtieth of February would be a day in March. Zero means "no limit" to ssh-keygen.
  return !Number.isNaN(at.getTime()) && at.toISOString() === iso && at.getTime() > 0 ? at : undefined;
}

/** The type that an OpenSSH public key blob names itself: a length in four bytes, then the name. */
function typeInside(blob: Buffer): string {
  return blob.length < 4 ? '' : blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1');
}
