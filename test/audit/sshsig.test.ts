import t from 'tap';
import { checkSignature } from '../../lib/audit/verify-signature.ts';
import type { HostName } from '../../lib/model/names.ts';
import { joinStrings, splitStrings } from '../../lib/model/ssh-wire.ts';
import { sshKeygenTakes } from '../fixture/ssh-keygen-verify.ts';
import {
  armored,
  encodeSshsig,
  type KeyKind,
  type SshSigner,
  type SshsigParts,
  sshSigner,
} from '../fixture/ssh-signer.ts';

const db1 = 'db1' as HostName;
const message = Buffer.from('{"what":"is signed"}');
const line = (signer: SshSigner, options = 'namespaces="coffre-manifest"') => `db1 ${options} ${signer.publicKey}\n`;
const KINDS: readonly KeyKind[] = ['ed25519', 'nistp256', 'nistp384', 'nistp521', 'rsa'];
const signers = Object.fromEntries(KINDS.map((kind) => [kind, sshSigner(kind)])) as Record<KeyKind, SshSigner>;
const { ed25519, nistp256, rsa } = signers;

interface Case {
  readonly signature: Buffer;
  readonly allowedSigners: string;
  readonly message?: Buffer;
  readonly at?: string;
}

/** What each of the two says, at once: `taken` by both, `refused` by both, or `stricter` where ours alone refuses. */
async function verdicts({ signature, allowedSigners, message: signed = message, at }: Case) {
  const asDate =
    at === undefined ? undefined : new Date(at.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const [theirs, ours] = await Promise.all([
    sshKeygenTakes({ message: signed, signature, allowedSigners, ...(at === undefined ? {} : { at }) }),
    checkSignature({ bytes: signed, signature, allowedSigners, host: db1, ...(asDate ? { at: asDate } : {}) }),
  ]);
  if (ours === 'valid') return theirs ? 'taken' : 'LAXER';
  return theirs ? 'stricter' : 'refused';
}

const of = (signer: SshSigner, change: (parts: SshsigParts) => Partial<SshsigParts>): Case => {
  const parts = signer.parts(message);
  return { signature: armored(encodeSshsig({ ...parts, ...change(parts) })), allowedSigners: line(signer) };
};
const good = ed25519.sign(message).toString('latin1');
const text = (signature: string): Case => ({
  signature: Buffer.from(signature, 'latin1'),
  allowedSigners: line(ed25519),
});
const again = (parts: SshsigParts): Case => ({
  signature: armored(encodeSshsig(parts)),
  allowedSigners: line(ed25519),
});
const withLine = (allowedSigners: string): Case => ({ signature: Buffer.from(good), allowedSigners });
const edited = (bytes: Buffer, at: number, mask = 1) => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
};
/** The order of the group of ed25519, little-endian: a signature's second half is below it. */
const ORDER = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex');
const plusOrder = (signature: Buffer) => {
  const copy = Buffer.from(signature);
  let carry = 0;
  for (let index = 0; index < 32; index += 1) {
    carry += (copy[32 + index] ?? 0) + (ORDER[index] ?? 0);
    copy[32 + index] = carry & 0xff;
    carry >>= 8;
  }
  return copy;
};
const halves = (signature: Buffer) => (splitStrings(signature) ?? []) as [Buffer, Buffer];

const TAKEN: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    KINDS.map((kind) => [kind, { signature: signers[kind].sign(message), allowedSigners: line(signers[kind]) }]),
  ),
  'with sha256': again(ed25519.parts(message, { hash: 'sha256' })),
  'rsa-sha2-256': {
    signature: armored(encodeSshsig(rsa.parts(message, { algorithm: 'rsa-sha2-256' }))),
    allowedSigners: line(rsa),
  },
  'something behind the armor': text(`${good}and more\n`),
  'no line end behind the armor': text(good.trimEnd()),
  'blanks within the base64': text(good.replace(/([A-Za-z0-9+/])\n/, '$1 \t\n\v\f\r')),
  'all base64 on one line': text(good.replace(/([A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, '$1')),
  'a line among others, with a comment': withLine(
    `# x\n\ndb2 namespaces="coffre-manifest" ${rsa.publicKey}\n${line(nistp256)}${line(ed25519).trim()} retired\n`,
  ),
  'at the first second of its time': {
    ...withLine(line(ed25519, 'namespaces="coffre-manifest",valid-after="20261122040000Z"')),
    at: '20261122040000Z',
  },
  'at the last second of its time': {
    ...withLine(line(ed25519, 'valid-before="20261122040000Z",namespaces="coffre-manifest"')),
    at: '20261122040000Z',
  },
  'in the second of two times': {
    ...withLine(
      line(ed25519, 'namespaces="coffre-manifest",valid-before="20260101Z"') +
        line(ed25519, 'namespaces="coffre-manifest",valid-after="20260601Z"'),
    ),
    at: '20261122040000Z',
  },
};

const REFUSED: Readonly<Record<string, Case>> = {
  nothing: text(''),
  'other bytes': { ...text(good), message: Buffer.from('{"what":"is not"}') },
  'another purpose': again(ed25519.parts(message, { namespace: 'file' })),
  'a purpose that begins alike': again(ed25519.parts(message, { namespace: 'coffre-manifest2' })),
  'its purpose exchanged': of(ed25519, () => ({ namespace: 'file' })),
  sha1: again(ed25519.parts(message, { hash: 'sha1' })),
  sha384: again(ed25519.parts(message, { hash: 'sha384' })),
  'another hash than was signed': of(ed25519, () => ({ hash: 'sha256' })),
  'ssh-rsa with SHA-1': {
    signature: armored(encodeSshsig(rsa.parts(message, { algorithm: 'ssh-rsa' }))),
    allowedSigners: line(rsa),
  },
  'another algorithm than was signed': of(rsa, () => ({ algorithm: 'rsa-sha2-256' })),
  'the algorithm of another kind of key': of(ed25519, () => ({ algorithm: 'rsa-sha2-512' })),
  'another magic': of(ed25519, () => ({ magic: 'SSHSIH' })),
  'a later version': of(ed25519, () => ({ version: 2 })),
  'a byte behind the last field': of(ed25519, () => ({ rest: Buffer.alloc(1) })),
  'a string behind the last field': of(ed25519, () => ({ rest: joinStrings(['x']) })),
  'a bit of the signature': of(ed25519, ({ signature }) => ({ signature: edited(signature, 5) })),
  'a signature that is too short': of(ed25519, ({ signature }) => ({ signature: signature.subarray(0, 63) })),
  'a signature that is too long': of(ed25519, ({ signature }) => ({
    signature: Buffer.concat([signature, Buffer.alloc(1)]),
  })),
  'an empty signature': of(ed25519, () => ({ signature: Buffer.alloc(0) })),
  'a signature of zeros': of(ed25519, () => ({ signature: Buffer.alloc(64) })),
  'the key of another': of(ed25519, () => ({ publicKey: blobOf(sshSigner('ed25519')) })),
  'the key of another, whole': { signature: sshSigner('ed25519').sign(message), allowedSigners: line(ed25519) },
  'a byte behind the key': of(ed25519, ({ publicKey }) => ({ publicKey: Buffer.concat([publicKey, Buffer.alloc(1)]) })),
  'a bit of r': of(nistp256, ({ signature }) => ({
    signature: joinStrings([edited(halves(signature)[0], 9), halves(signature)[1]]),
  })),
  'r and s exchanged': of(nistp256, ({ signature }) => ({ signature: joinStrings([...halves(signature)].reverse()) })),
  'a third number': of(nistp256, ({ signature }) => ({ signature: Buffer.concat([signature, joinStrings(['x'])]) })),
  'r of zero': of(nistp256, ({ signature }) => ({ signature: joinStrings(['', halves(signature)[1]]) })),
  'an rsa signature that is longer than its key': of(rsa, ({ signature }) => ({
    signature: Buffer.concat([Buffer.alloc(1), signature]),
  })),
  'other line ends': text(good.replaceAll('\n', '\r\n')),
  'something before the armor': text(`x\n${good}`),
  'no end of the armor': text(good.slice(0, good.indexOf('\n-----END') + 1)),
  'an end of another armor': text(good.replace('END SSH SIGNATURE', 'END PGP SIGNATURE')),
  'a character that is no base64': text(good.replace(/U1NIU0lH/, 'U1NIU0l*')),
  'a NUL in the base64': text(good.replace(/U1NIU0lH/, 'U1NI\0U0lH')),
  'base64 cut short': text(good.replace(/.\n-----END/, '\n-----END')),
  'base64 as in an address': text(good.replace(/U1NIU0lH/, 'U1NIU0l-')),
  'nothing in the armor': text('-----BEGIN SSH SIGNATURE-----\n\n-----END SSH SIGNATURE-----\n'),
  'another host': withLine(line(ed25519).replace('db1', 'db2')),
  'a host that begins alike': withLine(line(ed25519).replace('db1', 'db11')),
  'a line for another purpose': withLine(line(ed25519, 'namespaces="file"')),
  'a line for authorities': withLine(line(ed25519, 'cert-authority,namespaces="coffre-manifest"')),
  'a line with an option that nobody knows': withLine(line(ed25519, 'namespaces="coffre-manifest",x="y"')),
  'no line': withLine(''),
  'a second too early': {
    ...withLine(line(ed25519, 'namespaces="coffre-manifest",valid-after="20261122040001Z"')),
    at: '20261122040000Z',
  },
  'a second too late': {
    ...withLine(line(ed25519, 'namespaces="coffre-manifest",valid-before="20261122035959Z"')),
    at: '20261122040000Z',
  },
  'between two times': {
    ...withLine(
      line(ed25519, 'namespaces="coffre-manifest",valid-before="20260101Z"') +
        line(ed25519, 'namespaces="coffre-manifest",valid-after="20270101Z"'),
    ),
    at: '20261122040000Z',
  },
  'a time that ends before it begins': {
    ...withLine(line(ed25519, 'namespaces="coffre-manifest",valid-after="20270101Z",valid-before="20260101Z"')),
    at: '20261122040000Z',
  },
};

/** Where ssh-keygen takes more than we do. None of these is a forgery; each has a form that nothing of ours writes. */
const STRICTER: Readonly<Record<string, Case>> = {
  'version 0': of(ed25519, () => ({ version: 0 })),
  'a purpose with a NUL behind it': of(ed25519, () => ({ namespace: 'coffre-manifest\0' })),
  'something in the field that is reserved': of(ed25519, () => ({ reserved: 'later' })),
  'everybody may sign': withLine(line(ed25519).replace('db1', '*')),
  'a pattern': withLine(line(ed25519).replace('db1', 'db?')),
  'a list of hosts': withLine(line(ed25519).replace('db1', 'db2,db1')),
  'a line for any purpose': withLine(`db1 ${ed25519.publicKey}\n`),
  'a line for a pattern of purposes': withLine(line(ed25519, 'namespaces="coffre-*"')),
  'a line for several purposes': withLine(line(ed25519, 'namespaces="git,coffre-manifest"')),
  'a time in the time zone of the machine': {
    ...withLine(line(ed25519, 'namespaces="coffre-manifest",valid-after="20200101"')),
    at: '20261122040000Z',
  },
  'an option in capitals': withLine(line(ed25519, 'NAMESPACES="coffre-manifest"')),
  'an rsa key of 1024 bits': (() => {
    const small = sshSigner('rsa', undefined, 1024);
    return { signature: small.sign(message), allowedSigners: line(small) };
  })(),
  'an rsa signature without its leading zeros': shortRsa(),
};

/** What ssh-keygen says here has changed over its versions: ours refuses, and that is all that counts. */
const REFUSED_AT_LEAST_BY_US: Readonly<Record<string, Case>> = {
  'the second half of a signature plus the order of the group': of(ed25519, ({ signature }) => ({
    signature: plusOrder(signature),
  })),
  'r with a zero in front': of(nistp256, ({ signature }) => ({
    signature: joinStrings([Buffer.concat([Buffer.alloc(2), halves(signature)[0]]), halves(signature)[1]]),
  })),
  'base64 with other bits in what pads it': text(otherPadding(good)),
};

function blobOf(signer: SshSigner): Buffer {
  return Buffer.from(signer.publicKey.split(' ')[1] ?? '', 'base64');
}

/** One of some 256 signatures of a key of RSA begins with a zero. */
function shortRsa(): Case {
  for (let n = 0; ; n += 1) {
    const bytes = Buffer.from(`{"n":${n}}`);
    const parts = rsa.parts(bytes);
    if (parts.signature[0] !== 0) continue;
    const signature = armored(encodeSshsig({ ...parts, signature: parts.signature.subarray(1) }));
    return { signature, allowedSigners: line(rsa), message: bytes };
  }
}

function otherPadding(signature: string): string {
  const next = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return signature.replace(
    /(.)(=+\n-----END)/,
    (_, last: string, end: string) => `${next[next.indexOf(last) + 1]}${end}`,
  );
}

for (const [verdict, cases] of Object.entries({ taken: TAKEN, refused: REFUSED, stricter: STRICTER })) {
  t.test(`says of each signature what ssh-keygen says, or refuses it: ${verdict}`, async (t) => {
    for (const [name, one] of Object.entries(cases)) t.equal(await verdicts(one), verdict, name);
  });
}

t.test('refuses what ssh-keygen has taken in one version and not in another', async (t) => {
  for (const [name, one] of Object.entries(REFUSED_AT_LEAST_BY_US))
    t.match(await verdicts(one), /^(refused|stricter)$/, name);
});

t.test('is never laxer than ssh-keygen, wherever a byte is changed', async (t) => {
  const blob = encodeSshsig(ed25519.parts(message));
  const places = Array.from({ length: 40 }, (_, index) => Math.floor((index * blob.length) / 40));
  for (const at of places) {
    const signature = armored(edited(blob, at, 1 << (at % 8)));
    t.equal(await verdicts({ signature, allowedSigners: line(ed25519) }), 'refused', `byte ${at}`);
  }
});
