import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest } from '../../../lib/flow/read-manifest.ts';
import type { Manifest } from '../../../lib/model/manifest.ts';
import type { HostName } from '../../../lib/model/names.ts';
import { RunId } from '../../../lib/model/run-id.ts';
import { folderReader } from '../../../lib/storage/run-folders.ts';

/** Where runs are, and who may have signed them. */
export interface Place {
  readonly path: string;
  readonly host: HostName;
  readonly allowedSigners: string;
}

/** What is told to be wrong, as a sentence; none when the invariant holds. */
export type Findings = readonly string[];

/** A folder of the name of a run that a program other than coffre would take for one. */
const isRunName = (name: string) => RunId.safeParse(name).success;

/** Whatever has the name of a run: signed by the host, for this very run, with every file that it names and no other, each whole. */
export async function checkFinalNames(place: Place): Promise<Findings> {
  const found: string[] = [];
  for (const name of await readdir(place.path)) {
    if (isRunName(name)) found.push(...(await checkRun(place, name)));
    else if (!name.startsWith('.') && name !== 'lost+found')
      found.push(`${join(place.path, name)} has no name of a run`);
  }
  return found;
}

/** A run that must be there, whole. */
export async function checkRun(place: Place, name: string): Promise<Findings> {
  const folder = join(place.path, name);
  if (!existsSync(folder)) return [`${folder} is not there`];
  const run = RunId.parse(name);
  let manifest: Manifest;
  try {
    ({ manifest } = await readManifest(folderReader(folder), place.host, run, place.allowedSigners));
  } catch (error) {
    return [`${folder}: ${error instanceof Error ? error.message : error}`];
  }
  if (manifest.outcome !== 'succeeded') return [`${folder} is of a run that has ${manifest.outcome}`];
  const sums = await readFile(join(folder, 'SHA256SUMS'), 'utf8').catch(() => '');
  const expected = new Map(
    [...sums.matchAll(/^([0-9a-f]{64}) [ *](.+)$/gm)].map(([, sha256 = '', file = '']) => [file, sha256]),
  );
  const found = expected.size === 0 ? [`${folder} has no SHA256SUMS`] : [];
  for (const [file, sha256] of expected)
    if ((await digestOf(join(folder, file))) !== sha256)
      found.push(`${join(folder, file)} is not what SHA256SUMS says`);
  for (const [file, sha256] of digestsIn(manifest))
    if (expected.has(file) && expected.get(file) !== sha256)
      found.push(`${folder}: SHA256SUMS and manifest differ on ${file}`);
  const sealed = [...digestsIn(manifest).keys()].filter((file) => expected.has(file));
  if (sealed.length === 0) found.push(`${folder} has nothing sealed in it`);
  for (const file of await readdir(folder))
    if (!expected.has(file) && !/^SHA256SUMS(\.sig)?$/.test(file))
      found.push(`${join(folder, file)} is not vouched for`);
  return found;
}

/** What the manifest says itself of the sealed files, in either form of a run. */
function digestsIn({ archives, dayArchive }: Manifest): ReadonlyMap<string, string> {
  return new Map([...archives, ...(dayArchive ? [dayArchive] : [])].map(({ file, sha256 }) => [file, sha256]));
}

async function digestOf(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** The runs that have their final name at a place, sorted. */
export async function runsIn(path: string): Promise<readonly string[]> {
  return (await readdir(path)).filter(isRunName).sort();
}
