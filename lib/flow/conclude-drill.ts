import { appendToChain } from '../audit/chain.ts';
import { type Publication, publishOutbox } from '../audit/publish.ts';
import { recoverHead } from '../audit/recover-head.ts';
import { signDrill } from '../audit/sign.ts';
import { DrillRecord, type SignedDrill } from '../model/drill-record.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import { asCoffreError } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import type { Clock } from '../system/clock.ts';
import { type DrillDraft, drillState } from './drill-journal.ts';
import { withUntold } from './untold.ts';

/** Gives a drill its place in the chain of this driller and its host: signs the draft and puts it into the outbox, durably. */
export async function concludeDrill(driller: DrillerConfig, draft: DrillDraft, clock: Clock): Promise<SignedDrill> {
  const stateFolder = driller.state.path;
  const chain = { of: 'drills', host: draft.host, driller: driller.name } as const;
  // As with a backup: without an answer the chain begins at 1, and publishing refuses to fork one that is there.
  const recover = () =>
    recoverHead({ audit: driller.audit, secretsFile: driller.secrets.path, stateFolder, chain }).catch(
      (error: unknown) => {
        if (asCoffreError(error).code === 'audit-unreachable') return undefined;
        throw error;
      },
    );
  return await withUntold(stateFolder, (untold) =>
    appendToChain(drillState(driller, draft.host), recover, async (link) =>
      signDrill(
        DrillRecord.parse({ ...draft, ...untold, ...link, finishedAt: clock.now().toISOString() }),
        stateFolder,
      ),
    ),
  );
}

/** Publishes every drill of `host` that waits in the outbox. What cannot be published stays there and is `owed`. */
export async function publishDrills(driller: DrillerConfig, host: HostName, clock: Clock): Promise<Publication> {
  return await publishOutbox({
    audit: driller.audit,
    secretsFile: driller.secrets.path,
    stateFolder: drillState(driller, host),
    cloneFolder: driller.state.path,
    host,
    driller: driller.name,
    clock,
  });
}
