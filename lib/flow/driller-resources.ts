import { join } from 'node:path';
import { ensureSigningKey, signingKeyPath } from '../audit/signing-key.ts';
import { cronEntry } from '../host/cron-entry.ts';
import { fileResource, noFile } from '../host/file-resource.ts';
import { folderResource, noFolder } from '../host/folder-resource.ts';
import { drillerPrograms, missingOf } from '../host/host-programs.ts';
import { keyResource } from '../host/key-resource.ts';
import { programsResource } from '../host/package.ts';
import { releaseRemoval, releaseResource } from '../host/release.ts';
import { renderCronEntry } from '../host/render-cron-entry.ts';
import { rollbackResource } from '../host/rollback.ts';
import { drillerSliceFiles } from '../inventory/driller-slice.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import type { DrillerOrder } from '../model/driller-order.ts';
import type { DrillerSlice } from '../model/driller-slice.ts';
import type { Resource } from '../model/plan.ts';
import { makeKeyFile } from '../system/ssh-key.ts';
import { processUser } from '../system/users.ts';
import { type HostSources, type Identity, identitiesOf } from './host-resources.ts';
import { assertOwnSigner, ownSigners } from './own-signers.ts';
import { recipientKeyResource } from './recipient-key.ts';
import { DRILLER_TEXTFILE } from './remember.ts';

/**
 * All that a driller has to have, in the order in which it is made; for one that is to be bare again the other way round. Its
 * keys and its place in the chains stay then.
 */
export function drillerResources(
  { drilling, desired }: DrillerOrder,
  { release, zone }: HostSources,
): readonly Resource[] {
  const { driller } = drilling;
  const { settings, state, agent } = driller;
  if (desired === 'previous-release') return [rollbackResource(agent.path)];
  const schedule = scheduled(driller, zone, desired === 'present');
  const files = drillerSliceFiles(drilling);
  if (desired === 'absent') {
    return [
      schedule,
      ...(driller.metrics ? [noFile(join(driller.metrics.textfile, DRILLER_TEXTFILE))] : []),
      ...[...files.keys()].map(noFile),
      releaseRemoval(agent.path),
      noFolder(driller.folder),
      noFolder(settings.path),
    ];
  }
  return [
    programsResource(() => missingOf(drillerPrograms(drilling)), agent),
    folderResource({ path: settings.path, mode: 0o700, private: true }),
    folderResource({ path: state.path, mode: 0o700, private: true }),
    folderResource({ path: driller.folder, mode: 0o700, private: true }),
    ...(release === undefined ? [] : [releaseResource({ source: release, path: agent.path })]),
    signingKey(drilling),
    recipientKeyResource(driller, drilling.recipientKey),
    ...drillerIdentities(drilling).map(({ path, purpose }) =>
      keyResource({ path, purpose, make: () => makeKeyFile(path, driller.name) }),
    ),
    ...[...files.keys()].map((path) =>
      fileResource({
        path,
        mode: 0o644,
        content: async () => {
          const allowedSigners = await ownSigners(signerOf(drilling));
          return drillerSliceFiles({ ...drilling, allowedSigners }).get(path) ?? '';
        },
      }),
    ),
    schedule,
  ];
}

/** The SSH keys by which the driller reaches copies and the audit repository, each file once. */
export function drillerIdentities({ driller, hosts }: DrillerSlice): readonly Identity[] {
  const { audit, from } = driller;
  const all = hosts.flatMap((host) =>
    identitiesOf({ ...host, audit, offsite: from.startsWith('offsite') ? host.offsite : [] }),
  );
  return all.filter(({ path }, index) => all.findIndex((other) => other.path === path) === index);
}

function signerOf({ driller, allowedSigners }: DrillerSlice) {
  return { host: driller, allowedSigners };
}

function signingKey(drilling: DrillerSlice): Resource {
  const { name, state } = drilling.driller;
  const signing = keyResource({
    path: signingKeyPath(state.path),
    purpose: `signs the drills of ${name}`,
    make: async () => void (await ensureSigningKey(state.path, name)),
  });
  return {
    ...signing,
    async inspect() {
      await assertOwnSigner(signerOf(drilling));
      return await signing.inspect();
    },
  };
}

function scheduled({ name, schedule, agent, settings, scheduler }: DrillerConfig, zone: string, wanted: boolean) {
  const task = {
    host: name,
    schedule,
    user: processUser() ?? 'root',
    words: [join(agent.path, 'current', 'coffre'), 'drill', '--inventory', settings.path],
    zone,
  };
  return cronEntry({
    path: scheduler.cronFile,
    desired:
      wanted && scheduler.kind === 'cron' ? { kind: 'present', text: renderCronEntry(task) } : { kind: 'absent' },
  });
}
