import type { SigningKey } from './signer-set.ts';
import type { Verdict } from './verdict.ts';

interface Fault {
  readonly message: string;
  readonly hint: string;
}

/** What tells more of a record whose signature is none, by where the record stands. */
interface Hints {
  /** Who put it there. */
  readonly origin: string;
  /** The same of a signature that cannot be read. */
  readonly unreadable: string;
  /** What was changed, where the signature is by the right key. */
  readonly changed: string;
}

/** Of a record that stands in the audit repository at `path`. */
export function publishedHints(path: string): Hints {
  const origin = `see who put it there: git log -- ${path}`;
  return { origin, unreadable: `${origin}.sig`, changed: `see what was changed: git log -p -- ${path}` };
}

const ANOTHER = 'take another copy of the run: npx zx tasks/list.ts';

/** Of one that stands beside its run. */
export const COPY_HINTS: Hints = {
  origin: `${ANOTHER}; and find out who put this one there`,
  unreadable: ANOTHER,
  changed: `${ANOTHER}; and find out what changed this one: a disk, or somebody`,
};

interface About extends Hints {
  /** Whose it was to be, such as `this host`. */
  readonly who: string;
  readonly name: string;
}

/** Why a signature is not one of `who` over the record, and what mends it or tells more. */
export function signatureFault(
  verdict: Exclude<Verdict, { kind: 'valid' }>,
  { who, name, origin, unreadable, changed }: About,
): Fault {
  const lineBack = 'bring its line back into signers/allowed_signers of the inventory, ended with the word retired';
  if (verdict.kind === 'no signer') {
    return {
      message: `the inventory names no key that may sign for ${who}`,
      hint: `if ${name} has signed it, ${lineBack}`,
    };
  }
  const { why } = verdict;
  const not = `its signature is not one of ${who} over these bytes`;
  switch (why.kind) {
    case 'unreadable':
      return { message: `${not}: ${why.cause}`, hint: unreadable };
    case 'bytes':
      return {
        message: `${not}: the key is that of ${why.signer}, and the bytes are not those that were signed`,
        hint: changed,
      };
    case 'signer':
      return { message: `${not}: it was signed by the key of ${why.signer}`, hint: origin };
    case 'unknown key':
      return {
        message: `${not}: it was signed by a key that the inventory does not know, ${why.fingerprint}`,
        hint: `if that was a key of ${name}, ${lineBack}; or else ${origin}`,
      };
  }
}

/** Why a good signature does not count: its key was not valid when what it signed says that it was finished. */
export function validityFault({ fingerprint, lines }: SigningKey, finishedAt: string): Fault {
  const spans = lines.map(({ validAfter, validBefore }) =>
    [validAfter && `from ${validAfter.toISOString()}`, validBefore && `until ${validBefore.toISOString()}`]
      .filter((each) => each !== null)
      .join(' '),
  );
  return {
    message: `it was signed by ${fingerprint}, which is valid ${spans.join(', and ')}, and it says it was finished at ${finishedAt}`,
    hint: 'see valid-after and valid-before in signers/allowed_signers of the inventory',
  };
}
