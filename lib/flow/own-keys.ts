import { signingKeyPath } from '../audit/signing-key.ts';
import type { Converged } from '../model/converge-order.ts';
import type { HostConfig } from '../model/inventory.ts';
import { exists } from '../system/files.ts';
import { findProgram } from '../system/programs.ts';
import { publicHalf } from '../system/ssh-key.ts';
import { identitiesOf } from './host-resources.ts';

/** The public halves of the keys that the host has made for itself, as far as they are there. */
export async function ownKeys(host: HostConfig): Promise<Pick<Converged, 'signingKey' | 'identities'>> {
  const identities = await Promise.all(
    identitiesOf(host).map(async ({ path }) => ({ path, publicKey: await half(path) })),
  );
  return {
    signingKey: (await half(signingKeyPath(host.state.path))) ?? null,
    identities: identities.flatMap(({ path, publicKey }) => (publicKey === undefined ? [] : [{ path, publicKey }])),
  };
}

async function half(path: string): Promise<string | undefined> {
  if (findProgram('ssh-keygen') === undefined || !(await exists(path))) return undefined;
  return await publicHalf(path);
}
