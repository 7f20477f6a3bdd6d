import { HostName } from '../model/names.ts';
import { RecordKind } from '../model/record-header.ts';
import { RunId } from '../model/run-id.ts';

/** Whose chain a record belongs to: that of a host, or that of the drills of a host by one driller. */
export type Chain =
  | { readonly of: 'manifests'; readonly host: HostName }
  | { readonly of: 'drills'; readonly host: HostName; readonly driller: HostName };

/** A place in the audit repository that a signed record or its signature may have. */
export type Place = Chain & {
  /** The run, the drill, or when it began: each is named by its start. */
  readonly name: RunId;
  /** Of which kind the record is: `backup`, `drill`, or another one, which may be known to a newer version alone. */
  readonly record: string;
  readonly kind: 'record' | 'signature';
};

const MANIFEST_FORM = /^manifests\/([^/]+)\/(\d{4})\/(\d{4}-\d{2}-\d{2}T\d{6}Z)(?:-([^/.]+))?\.json(\.sig)?$/;
const DRILL_FORM = /^drills\/([^/]+)\/(\d{4})\/(\d{4}-\d{2}-\d{2}T\d{6}Z)-([^/]+)\.json(\.sig)?$/;
const OTHERS = /^(?:README\.md|LICENSE|allowed_signers|\.gitattributes|\.github\/[A-Za-z0-9][A-Za-z0-9._/-]*)$/;

/** Where a manifest stands in the audit repository. Its signature stands beside it, with `.sig` added. */
export function manifestPath(host: HostName, run: RunId): string {
  return `manifests/${host}/${run.slice(0, 4)}/${run}.json`;
}

/** Where another record of a host stands. The kind is a part of its name: two kinds may begin in the same second. */
export function recordPath(host: HostName, name: RunId, kind: string): string {
  return `manifests/${host}/${name.slice(0, 4)}/${name}-${kind}.json`;
}

/** Where the record of a drill stands. The driller is a part of its name: two may drill one host in the same second. */
export function drillPath(host: HostName, drill: RunId, driller: HostName): string {
  return `drills/${host}/${drill.slice(0, 4)}/${drill}-${driller}.json`;
}

/** The folder that has the records of a chain, and maybe others, with a closing slash. */
export function folderOf({ of, host }: Chain): string {
  return `${of}/${host}/`;
}

/** Whether a record at `place`, or its signature, is a part of `chain`. */
export function isOfChain(place: Place, chain: Chain): boolean {
  if (place.of !== chain.of || place.host !== chain.host) return false;
  return place.of === 'manifests' || chain.of === 'manifests' || place.driller === chain.driller;
}

/** What `path` may hold: a record, a signature, another file that belongs there, or undefined for anything else. */
export function placeOf(path: string): Place | 'other' | undefined {
  if (OTHERS.test(path)) return 'other';
  const [, folder, year, name, suffix, ofHost] = MANIFEST_FORM.exec(path) ?? [];
  if (folder !== undefined) {
    const record = kindIn(suffix);
    const place = placeIn(folder, year, name, ofHost);
    return place && record !== undefined ? { ...place, of: 'manifests', record } : undefined;
  }
  const [, drilled, drillYear, drill, by, ofDrill] = DRILL_FORM.exec(path) ?? [];
  const place = placeIn(drilled, drillYear, drill, ofDrill);
  const driller = HostName.safeParse(by);
  return place && driller.success ? { ...place, of: 'drills', driller: driller.data, record: 'drill' } : undefined;
}

/** A run has no suffix, so that nothing has two places. */
function kindIn(suffix: string | undefined): string | undefined {
  if (suffix === undefined) return 'backup';
  const isOther = RecordKind.safeParse(suffix).success && suffix !== 'backup' && suffix !== 'drill';
  return isOther ? suffix : undefined;
}

function placeIn(folder: string | undefined, year: string | undefined, text: string | undefined, signature?: string) {
  const host = HostName.safeParse(folder);
  const name = RunId.safeParse(text);
  if (!host.success || !name.success || name.data.slice(0, 4) !== year) return undefined;
  const kind = signature === undefined ? ('record' as const) : ('signature' as const);
  return { host: host.data, name: name.data, kind };
}
