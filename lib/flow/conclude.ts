import { appendToChain } from '../audit/chain.ts';
import { type Publication, publishOutbox } from '../audit/publish.ts';
import { recoverHead } from '../audit/recover-head.ts';
import { signManifest } from '../audit/sign.ts';
import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { Manifest, type SignedManifest } from '../model/manifest.ts';
import type { Clock } from '../system/clock.ts';
import { settleClaim } from './claim-run.ts';
import type { Draft } from './journal.ts';
import { concludeKept } from './kept-drafts.ts';
import { withUntold } from './untold.ts';

/**
 * Gives a run its place in the host's chain: signs the draft with its link and puts it into the outbox, durably.
 * `keep` is called with the signed manifest before the outbox has it, so that a kill in between loses nothing.
 */
export async function conclude(
  host: HostConfig,
  draft: Draft,
  clock: Clock,
  keep: (signed: SignedManifest) => Promise<void> = async () => undefined,
): Promise<SignedManifest> {
  const stateFolder = host.state.path;
  // A backup is worth more than its place in the chain: without an answer the chain begins at 1, and if one of this
  // host is published already, publishing refuses to fork it and says what to do.
  const recover = () =>
    recoverHead({
      audit: host.audit,
      secretsFile: host.secrets.path,
      stateFolder,
      chain: { of: 'manifests', host: host.name },
    }).catch((error: unknown) => {
      if (asCoffreError(error).code === 'audit-unreachable') return undefined;
      throw error;
    });
  const append = (untold: object) =>
    appendToChain(stateFolder, recover, async (link) => {
      const manifest = Manifest.parse({ ...draft, ...untold, ...link, finishedAt: clock.now().toISOString() });
      const signed = await signManifest(manifest, stateFolder);
      await keep(signed);
      return signed;
    });
  const concluded = await withUntold(stateFolder, append);
  await settleClaim(stateFolder, draft.run).catch(() => undefined); // the next run finds the record in the outbox
  return concluded;
}

/**
 * Publishes everything that waits in the outbox, and what has waited for the head of the chain. What cannot be published stays
 * there and is `owed`.
 */
export async function publish(host: HostConfig, clock: Clock, signal?: AbortSignal): Promise<Publication> {
  await concludeKept(host, clock).catch(() => undefined); // it waits for the next one, and keeps no run from its place
  return await publishOutbox({
    audit: host.audit,
    secretsFile: host.secrets.path,
    stateFolder: host.state.path,
    host: host.name,
    clock,
    ...(signal === undefined ? {} : { signal }),
  });
}
