import { signingKeyPath } from '../audit/signing-key.ts';
import type { Converged } from '../model/converge-order.ts';
import type { HostConfig } from '../model/inventory.ts';
import { exists } from '../system/files.ts';
import { findProgram } from '../system/programs.ts';
import { publicHalf } from '../system/ssh-key.ts';
import { identitiesOf } from './host-resources.ts';

type OwnKeys = Pick<Converged, 'signingKey' | 'identities'>;

/** The public halves of the keys that the host has made for itself, as far as they are there. */
export function ownKeys(host: HostConfig): Promise<OwnKeys> {
  const paths = identitiesOf(host).map(({ path }) => path);
  return publicHalves(signingKeyPath(host.state.path), paths);
}

/** Those of any machine: of its signing key, and of the keys by which it logs in elsewhere. */
export async function publicHalves(signing: string, paths: readonly string[]): Promise<OwnKeys> {
  const identities = await Promise.all(paths.map(async (path) => ({ path, publicKey: await half(path) })));
  return {
    signingKey: (await half(signing)) ?? null,
    identities: identities.flatMap(({ path, publicKey }) => (publicKey === undefined ? [] : [{ path, publicKey }])),
  };
}

async function half(path: string): Promise<string | undefined> {
  if (findProgram('ssh-keygen') === undefined || !(await exists(path))) return undefined;
  return await publicHalf(path);
}
