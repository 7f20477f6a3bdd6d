import fc from 'fast-check';
import type { Test } from 'tap';
import { encodeDrill, parseDrill, parseManifest } from '../../lib/audit/canonical.ts';
import { signerSetOf } from '../../lib/audit/signer-set.ts';
import { parseSshsig } from '../../lib/audit/sshsig.ts';
import { judgeSignature } from '../../lib/audit/verify-signature.ts';
import { CoffreError } from '../../lib/model/error.ts';
import { AuditHost } from '../fixture/audit-world.ts';
import { drillOf } from '../fixture/drill-record.ts';

const AT = new Date('2026-11-04T04:00:07Z');

/** A change of some bytes: one flipped, a piece taken out, doubled, or put in. */
const edit = fc.record({
  at: fc.nat(),
  length: fc.nat({ max: 40 }),
  kind: fc.constantFrom('flip', 'cut', 'double', 'insert', 'number', 'end'),
  bytes: fc.uint8Array({ maxLength: 20 }),
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function edited(content: Buffer, edits: readonly Edit[]): Buffer {
  let bytes = content;
  for (const { at, length, kind, bytes: more } of edits) {
    const place = bytes.length === 0 ? 0 : at % bytes.length;
    const [before, piece, after] = [
      bytes.subarray(0, place),
      bytes.subarray(place, place + length),
      bytes.subarray(place + length),
    ];
    if (kind === 'flip') {
      bytes = Buffer.from(bytes);
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (at % 8));
    } else if (kind === 'cut') bytes = Buffer.concat([before, after]);
    else if (kind === 'double') bytes = Buffer.concat([before, piece, piece, after]);
    else if (kind === 'insert') bytes = Buffer.concat([before, more, piece, after]);
    else if (kind === 'end') bytes = before;
    else
      bytes = Buffer.from(
        bytes.toString('latin1').replace(/\d+/g, (digits) => (digits.length % 3 === at % 3 ? `${at}` : digits)),
        'latin1',
      );
  }
  return bytes;
}

/**
 * Feeds the readers of records and signatures with `runs` inputs each: noise, any JSON, and good ones that were changed a
 * little. Each is read, or refused as `verification-failed`: nothing else is thrown.
 */
export async function fuzzReaders(t: Test, runs: number): Promise<void> {
  const host = new AuditHost('db1');
  const { bytes, signature } = host.record(AT);
  const drill = encodeDrill(drillOf('drill1', 'db1', AT, AT));
  const signers = signerSetOf(host.line());
  const inputs = (good: Buffer) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => edited(good, edits)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }).map((noise) => Buffer.from(noise)) },
      { weight: 1, arbitrary: fc.json({ maxDepth: 20 }).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.dictionary(fc.string(), fc.anything()).map((value) => mixed(good, value)) },
    );
  const readers: Readonly<Record<string, readonly [Buffer, (input: Buffer) => unknown]>> = {
    manifest: [bytes, parseManifest],
    'record of a drill': [drill, parseDrill],
    signature: [signature, parseSshsig],
    'signature within its armor': [signature, (input) => parseSshsig(rearmored(input))],
  };
  for (const [name, [good, read]] of Object.entries(readers)) {
    let taken = 0;
    fc.assert(
      fc.property(inputs(good), (input) => {
        try {
          read(input);
          taken += 1;
        } catch (error) {
          if (!(error instanceof CoffreError) || error.code !== 'verification-failed') throw error;
        }
      }),
      { numRuns: runs },
    );
    t.pass(`${name}: ${runs} inputs, ${taken} of them read`);
  }
  let forged = 0;
  await fc.assert(
    fc.asyncProperty(inputs(signature), inputs(bytes), async (other, message) => {
      for (const [content, sig] of [
        [bytes, other],
        [message, signature],
      ] as const) {
        const { kind } = await judgeSignature({ bytes: content, signature: sig, host: host.name }, signers);
        // The bytes within the armor decide; blanks among them, and what is behind it, are nothing.
        if (kind === 'valid' && !content.equals(bytes)) forged += 1;
      }
    }),
    { numRuns: runs },
  );
  t.equal(forged, 0, 'no other bytes are taken for signed');
}

/** The fields of a good record with others among them. */
function mixed(good: Buffer, value: Record<string, unknown>): Buffer {
  try {
    const record = JSON.parse(good.toString('utf8')) as object;
    return Buffer.from(JSON.stringify({ ...record, ...value }) ?? '');
  } catch {
    return Buffer.from(String(Object.keys(value)));
  }
}

/** What is within an armor, decoded, changed by its own bytes, and put into one again: so that changes reach the fields. */
function rearmored(input: Buffer): Buffer {
  const blob = Buffer.from(input.toString('latin1').replace(/-----[^-]*-----/g, ''), 'base64');
  return Buffer.from(`-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64')}\n-----END SSH SIGNATURE-----\n`);
}
