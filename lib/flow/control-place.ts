import type { HostConfig } from '../model/inventory.ts';
import { openRemoteRunFolders } from '../storage/remote-run-folders.ts';
import { type CopyPlace, openPlace } from './find-copy.ts';
import type { Login } from './login.ts';
import { openRemoteHost } from './remote-host.ts';
import { asRoot } from './run-agent.ts';

/** In front of a place that control reads: `control:/mnt/usb`, `control:offsite:contractor`. */
export const CONTROL = 'control:';

/** What control reads the places of a host with. */
export interface ControlAccess {
  readonly login: Login;
  /** A private SSH key of control's for the offsites; the path that the inventory names if absent. */
  readonly offsiteIdentity: string | undefined;
  readonly signal: AbortSignal;
}

/** Opens a place of a host as control sees it: the host's own folders over SSH, all else from here. Whoever opens MUST close. */
export async function openAtControl(host: HostConfig, from: string, access: ControlAccess): Promise<CopyPlace> {
  const { offsiteIdentity, signal } = access;
  if (from === 'store' || from === 'export') return await openOn(host, from, access);
  const identity = offsiteIdentity === undefined ? {} : { identity: offsiteIdentity };
  const own = { ...host, offsite: host.offsite.map((offsite) => ({ ...offsite, ...identity })) };
  return await openPlace(own, from.startsWith(CONTROL) ? from.slice(CONTROL.length) : from, signal);
}

/** A folder of the host whose run it is, over SSH. */
async function openOn(
  host: HostConfig,
  from: 'store' | 'export',
  { login, signal }: ControlAccess,
): Promise<CopyPlace> {
  const remote = await openRemoteHost(host, login, signal);
  const place = { name: host.name, path: host[from].path, prefix: asRoot(remote.facts) };
  const folders = openRemoteRunFolders(remote.connection, place);
  return { name: nameAtControl(host, from), ...folders, close: () => void remote.close() };
}

/** A path of a host is in no other place than on it. */
export function nameAtControl(host: HostConfig, from: string): string {
  return from === 'store' || from === 'export' ? `${from} of ${host.name}` : from;
}
