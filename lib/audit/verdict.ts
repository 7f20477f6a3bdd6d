import type { HostName } from '../model/names.ts';
import type { SigningKey } from './signer-set.ts';

/** What a signature is worth. Whether its key was valid at the time is still open: only what was signed knows the time. */
export type Verdict =
  | { readonly kind: 'valid'; readonly by: SigningKey }
  | { readonly kind: 'invalid'; readonly why: Invalidity }
  | { readonly kind: 'no signer' };

/** What a signature is instead of one of the host over the bytes. */
export type Invalidity =
  | { readonly kind: 'unreadable'; readonly cause: string }
  /** A key of `signer`, who may be the host itself, and no signature of it over these bytes. */
  | { readonly kind: 'bytes'; readonly signer: HostName }
  /** Good, and by the key of somebody else. */
  | { readonly kind: 'signer'; readonly signer: HostName }
  | { readonly kind: 'unknown key'; readonly fingerprint: string };
