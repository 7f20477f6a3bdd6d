import { createHash } from 'node:crypto';
import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Sha256 } from '../../model/names.ts';
import { COFFRE_VERSION } from '../../model/version.ts';
import {
  exists,
  makeFolder,
  readRequired,
  readStream,
  sha256Of,
  syncFolder,
  writeDurably,
} from '../../system/files.ts';
import { bundleVerbs } from './bundle-verbs.ts';
import { type Architecture, DESCRIPTION, type ReleaseDescription, ReleaseVersion } from './description.ts';
import { licensesOf } from './licenses.ts';
import { type PackedFile, pack } from './pack.ts';
import { fetchRuntime, type Runtime } from './runtime.ts';

export interface ReleaseOrder {
  /** Each is a file `tasks/<verb>.ts`. */
  readonly verbs: readonly string[];
  /** Counts only together with `runtime`: without one a release is for every machine. */
  readonly arch: Architecture;
  /** Whether Node comes along. */
  readonly runtime: boolean;
  /** Where archives and runtimes are kept for the next time; in node_modules/.cache if absent. */
  readonly folder?: string;
  /** The project's folder; the one that this file is in if absent. */
  readonly root?: string;
}

export interface BuiltRelease {
  readonly version: ReleaseVersion;
  /** The `.tar.gz`; its files stand at its top, without a folder around them. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  /** What `cat SHA256SUMS release.json | sha256sum` says in the folder of this release. */
  readonly identity: Sha256;
}

const ROOT = new URL('../../..', import.meta.url).pathname;
const LAUNCHER = new URL('launcher.sh', import.meta.url).pathname;
const PackageJson = z.object({ engines: z.object({ node: z.string() }) });

/**
 * Builds the release of the agent. Its version is derived from its content, so that the same sources give the same
 * version on every machine, and an archive that is there already is not packed again. Throws what `bundleVerbs` and
 * `fetchRuntime` throw.
 */
export async function buildRelease(order: ReleaseOrder): Promise<BuiltRelease> {
  const { root = ROOT, verbs, folder = join(root, 'node_modules/.cache/coffre-releases') } = order;
  const runtime = order.runtime ? await fetchRuntime(order.arch, join(folder, 'runtimes')) : undefined;
  const engines = PackageJson.parse(JSON.parse(`${await readRequired(join(root, 'package.json'))}`)).engines;
  const files = await agentFiles(root, verbs);
  const version = versionOf(files, runtime);
  const path = join(folder, `coffre-${version}.tar.gz`);
  const packed = [...files.map((file) => withVersion(file, version)), ...(await runtimeFiles(runtime))].sort(byPath);
  const listed = await Promise.all(
    packed.map(async ({ content, ...file }) => ({ ...file, sha256: await digestOf(content) })),
  );
  const sums = textFile(SUMS, listed.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join(''));
  const { content, ...sumsFile } = sums;
  const description: ReleaseDescription = {
    version,
    coffre: COFFRE_VERSION,
    verbs: [...verbs].sort(),
    node: engines.node,
    runtime: runtime ? { node: runtime.node, architecture: runtime.architecture } : null,
    files: [...listed, { ...sumsFile, sha256: await digestOf(content) }].sort(byPath),
  };
  const described = textFile(DESCRIPTION, `${JSON.stringify(description, null, 2)}\n`);
  if (!(await exists(path))) await write(folder, path, [described, ...[sums, ...packed].sort(byPath)]);
  return {
    version,
    path,
    sizeBytes: (await stat(path)).size,
    sha256: await digestOf({ from: path }),
    identity: sha256Of(Buffer.concat([sums, described].map(bytesOf))),
  };
}

/** For whoever has to check a release with a shell alone: `sha256sum --check SHA256SUMS`. */
const SUMS = 'SHA256SUMS';

function bytesOf({ content }: PackedFile): Uint8Array {
  return content instanceof Uint8Array ? content : Buffer.alloc(0);
}

async function agentFiles(root: string, verbs: readonly string[]): Promise<PackedFile[]> {
  const bundle = await bundleVerbs(root, verbs);
  const launcher = await readRequired(LAUNCHER);
  return [
    { path: 'coffre', sizeBytes: launcher.length, executable: true, content: launcher },
    textFile('package.json', '{ "name": "coffre-agent", "private": true, "type": "module" }\n'),
    textFile('LICENSES', await licensesOf(root, bundle.packages, bundle.legalComments)),
    ...[...bundle.files].map(([path, content]) => ({
      path,
      sizeBytes: content.length,
      executable: false,
      content,
    })),
  ];
}

/** The runtime stands in the version by its name: what it is, its own lock file says. */
function versionOf(files: readonly PackedFile[], runtime: Runtime | undefined): ReleaseVersion {
  const digest = createHash('sha256');
  for (const { path, sizeBytes, content } of [...files].sort(byPath)) {
    digest.update(`${path}\0${sizeBytes}\0`);
    if (content instanceof Uint8Array) digest.update(content);
  }
  const suffix = runtime ? `-node${runtime.node}-${runtime.architecture}` : '';
  return ReleaseVersion.parse(`${COFFRE_VERSION}-${digest.digest('hex').slice(0, 8)}${suffix}`);
}

/** The launcher tells the version, which is known only now. */
function withVersion(file: PackedFile, version: ReleaseVersion): PackedFile {
  if (file.path !== 'coffre' || !(file.content instanceof Uint8Array)) return file;
  const content = Buffer.from(Buffer.from(file.content).toString('utf8').replace('@VERSION@', version));
  return { ...file, content, sizeBytes: content.length };
}

function runtimeFiles(runtime: Runtime | undefined): Promise<PackedFile[]> {
  return Promise.all(
    Object.entries(runtime?.files ?? {}).map(async ([path, from]) => {
      const { size } = await stat(from);
      return { path, sizeBytes: size, executable: path === 'runtime/bin/node', content: { from } };
    }),
  );
}

/** In a folder of its own until it is whole: two who build at a time do no harm to each other. */
async function write(folder: string, path: string, files: readonly PackedFile[]): Promise<void> {
  await makeFolder(folder);
  const draft = await mkdtemp(join(folder, 'packing-'));
  try {
    await writeDurably(join(draft, 'release.tar.gz'), pack(files));
    await rename(join(draft, 'release.tar.gz'), path);
    await syncFolder(folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function textFile(path: string, text: string): PackedFile {
  const content = Buffer.from(text);
  return { path, sizeBytes: content.length, executable: false, content };
}

async function digestOf(content: PackedFile['content']): Promise<Sha256> {
  if (content instanceof Uint8Array) return sha256Of(content);
  const digest = createHash('sha256');
  for await (const chunk of readStream(content.from)) digest.update(chunk);
  return digest.digest('hex') as Sha256;
}

function byPath(left: { readonly path: string }, right: { readonly path: string }): number {
  return left.path < right.path ? -1 : 1;
}
