import * as z from 'zod';
import { RecipientName, Sha256 } from './names.ts';
import { RESOURCE_KINDS } from './plan.ts';
import { ErrorCodeField, HEADER_FIELDS, SoftwareFields } from './record-parts.ts';

const SIGNER_FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;

const SignerFingerprint = z
  .string()
  .regex(SIGNER_FINGERPRINT)
  .describe('Fingerprint of a signing key, as ssh-keygen -l prints it');

const CHANGED = {
  action: z.enum(['create', 'change', 'remove']),
  kind: z.enum(RESOURCE_KINDS),
};

const RecipientKey = {
  name: RecipientName.describe('Name of the recipient in the inventory'),
  fingerprint: Sha256.describe('SHA-256 of the public key as DER SubjectPublicKeyInfo'),
};

/** The signed record of what provisioning has changed on a host. No name, no path and no text of anything on it. */
export const ProvisionRecord = z
  .strictObject({
    kind: z.literal('provision').describe('The host was converged to its inventory, and something on it was changed'),
    ...HEADER_FIELDS,
    outcome: z
      .enum(['succeeded', 'failed'])
      .describe('failed: midway, so that only a part of what was ordered is done; the next provisioning finishes it'),
    software: z.strictObject(SoftwareFields).describe('What made this'),
    desired: z
      .enum(['present', 'absent', 'previous-release'])
      .describe('What was ordered: all that the inventory says, all of it taken away, or the release before'),
    changes: z
      .array(
        z.strictObject({
          action: CHANGED.action.describe('What was done'),
          kind: CHANGED.kind.describe('To what kind of thing'),
          count: z.int().min(1).describe('To how many of them'),
        }),
      )
      .describe(
        'What was changed and is as it should be, in the order in which it was begun; none where it failed at the first, or where the one before had failed and nothing was left to do',
      ),
    recipients: z
      .array(z.strictObject(RecipientKey))
      .describe('Who can open the runs that the host makes from now on; where it failed, who was to'),
    signer: SignerFingerprint.describe('The key by which the host signs'),
    error: z
      .strictObject({
        code: ErrorCodeField,
        at: z
          .strictObject({
            action: CHANGED.action.describe('What was to be done'),
            kind: CHANGED.kind.describe('To what kind of thing'),
          })
          .nullable()
          .describe('The change that it failed at, which may be half done; null where it was between two'),
      })
      .nullable()
      .describe('Why it failed; null where it succeeded'),
  })
  .refine(
    ({ outcome, error }) => (outcome === 'succeeded') === (error === null),
    'its outcome is not what its fields say',
  )
  .describe('The signed record of what provisioning has changed on a host');
export type ProvisionRecord = z.infer<typeof ProvisionRecord>;

const RotatedKey = z.strictObject({
  name: RecipientName.nullable().describe('Name of the recipient in the inventory; null for a signing key'),
  fingerprint: z
    .string()
    .regex(/^([0-9a-f]{64}|SHA256:[A-Za-z0-9+/]{43})$/)
    .describe(
      'Of a recipient: SHA-256 of the public key as DER SubjectPublicKeyInfo; of a signing key: as ssh-keygen -l prints it',
    ),
});

/** The signed record of keys that have changed on a host which had some before. */
export const KeyRotationRecord = z
  .strictObject({
    kind: z.literal('key-rotation').describe('Keys of a host were exchanged, added or taken away'),
    ...HEADER_FIELDS,
    outcome: z.literal('succeeded').describe('Only what has been done is on record'),
    software: z.strictObject(SoftwareFields).describe('What made this'),
    of: z
      .enum(['recipients', 'signer'])
      .describe('recipients: who can open the runs from now on; signer: the key by which the host signs'),
    added: z.array(RotatedKey).describe('Keys that are new'),
    removed: z.array(RotatedKey).describe('Keys that are no longer used; what was sealed for them still is'),
    error: z.null().describe('Always null'),
  })
  .describe('The signed record of keys that have changed on a host');
export type KeyRotationRecord = z.infer<typeof KeyRotationRecord>;
