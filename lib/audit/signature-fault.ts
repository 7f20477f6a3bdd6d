import type { Verdict } from './verify-signature.ts';

/** Why a signature is not one of `who`, such as `this host`, over the record at `path`, and what mends it or tells more. */
export function signatureFault(
  verdict: Exclude<Verdict, { kind: 'valid' }>,
  { path, who, name }: { readonly path: string; readonly who: string; readonly name: string },
): { readonly message: string; readonly hint: string } {
  if (verdict.kind === 'no signer') {
    return {
      message: `the inventory names no key that may sign for ${who}`,
      hint: `if ${name} has signed it, bring its line back into signers/allowed_signers of the inventory, ended with the word retired`,
    };
  }
  const { why } = verdict;
  const log = `see who put it there: git log -- ${path}`;
  const not = `its signature is not one of ${who} over these bytes`;
  switch (why.kind) {
    case 'unreadable':
      return { message: `${not}: ${why.cause}`, hint: `${log}.sig` };
    case 'bytes':
      return {
        message: `${not}: the key is that of ${why.signer}, and the bytes are not those that were signed`,
        hint: `see what was changed: git log -p -- ${path}; what ${name} has signed is in its own copy beside the run`,
      };
    case 'signer':
      return { message: `${not}: it was signed by the key of ${why.signer}`, hint: log };
    case 'unknown key':
      return {
        message: `${not}: it was signed by a key that the inventory does not know, ${why.fingerprint}`,
        hint: `if that was a key of ${name}, bring its line back into signers/allowed_signers of the inventory, ended with the word retired; or else ${log}`,
      };
  }
}
