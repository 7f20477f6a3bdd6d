import { HostName } from '../model/names.ts';
import { RunId } from '../model/run-id.ts';

/** A place in the audit repository that a manifest or its signature may have. */
export interface ManifestPlace {
  readonly host: HostName;
  readonly run: RunId;
  readonly kind: 'manifest' | 'signature';
}

const FORM = /^manifests\/([^/]+)\/(\d{4})\/([^/]+)\.json(\.sig)?$/;
const OTHERS = /^(?:README\.md|LICENSE|allowed_signers|\.github\/[A-Za-z0-9][A-Za-z0-9._/-]*)$/;

/** Where a manifest stands in the audit repository. Its signature stands beside it, with `.sig` added. */
export function manifestPath(host: HostName, run: RunId): string {
  return `manifests/${host}/${run.slice(0, 4)}/${run}.json`;
}

/** What `path` may hold: a manifest, a signature, another file that belongs there, or undefined for anything else. */
export function placeOf(path: string): ManifestPlace | 'other' | undefined {
  if (OTHERS.test(path)) return 'other';
  const [, folder, year, name, suffix] = FORM.exec(path) ?? [];
  const host = HostName.safeParse(folder);
  const run = RunId.safeParse(name);
  if (!host.success || !run.success || run.data.slice(0, 4) !== year) return undefined;
  return { host: host.data, run: run.data, kind: suffix === undefined ? 'manifest' : 'signature' };
}
