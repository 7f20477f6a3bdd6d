import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import fsPromises, { appendFile, chmod, cp, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import t, { type Test } from 'tap';
import { releaseRemoval, releaseResource, rollbackRelease } from '../../lib/host/release.ts';
import { rollbackResource } from '../../lib/host/rollback.ts';
import { run } from '../../lib/system/command.ts';
import { makeRelease } from '../fixture/release.ts';
import { temporaryFolder } from '../temporary.ts';
import { until } from '../until.ts';

const BULK = randomBytes(3 * 1024 * 1024);

/** A folder for the releases, with a blank in its name, and three releases as they were shipped. */
async function shipped(t: Test, bulk = BULK) {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const path = join(folder, 'opt coffre');
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((digit) => makeRelease(join(folder, digit), digit, bulk)));
  const resource = (digit: string) => releaseResource({ source: join(folder, digit), path, node: '/usr/bin/node' });
  return {
    folder,
    path,
    a: a ?? '',
    b: b ?? '',
    c: c ?? '',
    resource,
    names: async () => (await readdir(path)).sort(),
    /** Inspects, applies what there is to do, and inspects again. */
    async install(digit: string) {
      const change = await resource(digit).inspect();
      if (change) await resource(digit).apply(change);
      t.equal(await resource(digit).inspect(), undefined, `nothing is left to do for ${digit}`);
      return change;
    },
  };
}

t.test('installs, does nothing the second time, switches, keeps two, and rolls back and forth', async (t) => {
  const { path, a, b, c, install, names, resource } = await shipped(t);
  t.strictSame(await install('a'), {
    action: 'create',
    kind: 'release',
    name: path,
    lines: [`+${a} (4 files, 3.0 MiB)`, `+current -> ${a}`],
  });
  t.equal(readlinkSync(join(path, a, 'node')), '/usr/bin/node');
  t.equal(lstatSync(join(path, a, 'coffre')).mode & 0o777, 0o755);
  t.equal(await install('a'), undefined);
  await t.rejects(rollbackRelease(path), { code: 'not-found', hint: /git checkout/ });

  t.match(await install('b'), {
    action: 'change',
    lines: [/^\+0\.1\.0-b/, `-current -> ${a}`, `+current -> ${b}`, `+previous -> ${a}`],
  });
  t.match(await install('c'), { lines: [/^\+/, /^-/, /^\+/, `-previous -> ${a}`, `+previous -> ${b}`, `-${a}`] });
  t.strictSame(await names(), [b, c, 'current', 'previous']);

  t.strictSame(await rollbackRelease(path), { from: c, to: b });
  t.equal(readlinkSync(join(path, 'current')), b);
  t.match(await resource('c').inspect(), {
    lines: [`-current -> ${b}`, `+current -> ${c}`, `-previous -> ${c}`, `+previous -> ${b}`],
  });
  t.strictSame(await rollbackRelease(path), { from: b, to: c });

  await appendFile(join(path, b, 'verbs/backup.mjs'), '// by hand\n');
  await t.rejects(rollbackRelease(path), { code: 'verification-failed', findings: [/verbs\/backup\.mjs/] });
  t.equal(readlinkSync(join(path, 'current')), c, 'a damaged release does not become the current one');
});

t.test('a release that was damaged or edited is drift, and is mended', async (t) => {
  const { path, a, install, resource } = await shipped(t);
  await install('a');
  const at = (...names: string[]) => join(path, a, ...names);
  const damages: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      ` ${a}/verbs/backup.mjs: it is not as it was released`,
      () => writeFile(at('verbs/backup.mjs'), 'console.log("A");\n'),
    ],
    [`+${a}/package.json: it is missing`, () => rm(at('package.json'))],
    [` ${a}/coffre: it is not as it was released`, () => chmod(at('coffre'), 0o777)],
    [` ${a}/verbs: it is not as it was released`, () => chmod(at('verbs'), 0o775)],
    [` ${a}/release.json: it is not as it was released`, () => appendFile(at('release.json'), '\n')],
    [
      `-${a}/node_modules: it does not belong to the release`,
      () => mkdir(at('node_modules/cpu-features'), { recursive: true }),
    ],
    [` ${a}/node: it is not as it was released`, () => rm(at('node')).then(() => symlink('/tmp/node', at('node')))],
    [
      ` ${a}/chunks/BULK.mjs: it is not as it was released`,
      () => rm(at('chunks/BULK.mjs')).then(() => mkdir(at('chunks/BULK.mjs/x'), { recursive: true })),
    ],
    [`-current -> /tmp`, () => rm(join(path, 'current')).then(() => symlink('/tmp', join(path, 'current')))],
    [`+current -> ${a}`, () => rm(join(path, 'current'))],
    [`-current.partial`, () => symlink(a, join(path, 'current.partial'))],
    [`-${a}.partial`, () => mkdir(join(path, `${a}.partial`))],
    [`-previous -> gone`, () => symlink('gone', join(path, 'previous'))],
  ];
  for (const [line, damage] of damages) {
    await damage();
    const change = await resource('a').inspect();
    t.ok(change?.lines.includes(line), `${line} of ${change?.lines}`);
    await install('a');
  }
  t.ok(readFileSync(at('chunks/BULK.mjs')).equals(BULK));
  await rm(at(), { recursive: true });
  await symlink('/etc', at());
  await install('a');
  t.ok(lstatSync(at()).isDirectory());
});

t.test('leaves alone what is not its own, and refuses what stands in its way', async (t) => {
  const { path, a, install, resource, names } = await shipped(t);
  await mkdir(join(path, 'node_modules'), { recursive: true });
  await writeFile(join(path, 'notes.partial'), 'mine');
  await install('a');
  await install('b');
  await install('c');
  t.match(await names(), /node_modules,notes\.partial/);

  await rm(join(path, 'current'));
  await mkdir(join(path, 'current'));
  await t.rejects(resource('c').inspect(), { code: 'refused', hint: /ls -ld/ });
  await rm(join(path, 'current'), { recursive: true });
  await install('c');
  const removal = releaseRemoval(path);
  const change = await removal.inspect();
  t.match(change, { action: 'remove', lines: ['-current', '-previous', /^-0\.1\.0-b/, /^-0\.1\.0-c/] });
  if (change) await removal.apply(change);
  t.strictSame(await names(), ['node_modules', 'notes.partial']);
  t.equal(await removal.inspect(), undefined);
  t.notOk(existsSync(join(path, a)));
});

t.test('what still runs is not taken away', async (t) => {
  const { path, a, b, c, install, names } = await shipped(t);
  await install('a');
  const running = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)', join(path, a, 'verbs/backup.mjs')]);
  const ended = once(running, 'exit');
  await once(running, 'spawn');
  await install('b');
  await install('c');
  t.strictSame(await names(), [a, b, c, 'current', 'previous']);
  const removal = releaseRemoval(path);
  const change = await removal.inspect();
  t.ok(change);
  if (change) await t.rejects(removal.apply(change), { code: 'locked', hint: new RegExp(`ps -fp ${running.pid}`) });
  t.strictSame(await names(), [a, b, c, 'current', 'previous'], 'nothing was removed');
  running.kill('SIGKILL');
  await ended;
  t.match(await install('c'), { lines: [`-${a}`] });
  t.strictSame(await names(), [b, c, 'current', 'previous']);
  if (change) await removal.apply(change);
  t.notOk(existsSync(path), 'with nothing else in it the folder goes, too');
});

t.test('a release that was damaged on its way is not installed', async (t) => {
  const { folder, path, a, install, resource, names } = await shipped(t);
  await install('a');
  await appendFile(join(folder, 'b/verbs/backup.mjs'), ' ');
  const change = await resource('b').inspect();
  if (change)
    await t.rejects(resource('b').apply(change), { code: 'verification-failed', message: /verbs\/backup\.mjs/ });
  t.strictSame(await names(), [a, 'current']);
  await writeFile(join(folder, 'b/release.json'), '{}');
  await t.rejects(resource('b').inspect(), { code: 'verification-failed' });
  await rm(join(folder, 'b/release.json'));
  await t.rejects(resource('b').inspect(), { code: 'not-found' });
  t.equal(readlinkSync(join(path, 'current')), a);
});

/** Changes of the file system that a process can make; after `limit` of them the process is dead and makes none. */
async function diesAfter(limit: number, act: () => Promise<unknown>): Promise<boolean> {
  const original = { ...fsPromises };
  let count = 0;
  for (const name of ['mkdir', 'open', 'rename', 'rm', 'rmdir', 'symlink', 'chmod'] as const) {
    const real = original[name] as (...args: unknown[]) => Promise<unknown>;
    Object.assign(fsPromises, {
      [name]: (...args: unknown[]) => {
        if (name === 'open' && (args[1] ?? 'r') === 'r') return real(...args);
        count += 1;
        return count > limit ? Promise.reject(new Error('dead')) : real(...args);
      },
    });
  }
  syncBuiltinESMExports();
  try {
    await act();
  } catch (error) {
    if ((error as Error).message !== 'dead') throw error;
  } finally {
    Object.assign(fsPromises, original);
    syncBuiltinESMExports();
  }
  return count > limit;
}

t.test('killed at any moment there is a whole current release, and the next run finishes', async (t) => {
  const bulk = BULK.subarray(0, 1000);
  const { path, a, b, c, install, names, resource, folder } = await shipped(t, bulk);
  await install('a');
  await install('b');
  const before = join(folder, 'before');
  await cp(path, before, { recursive: true, verbatimSymlinks: true });
  const startAgain = async () => {
    await rm(path, { recursive: true, force: true });
    await cp(before, path, { recursive: true, verbatimSymlinks: true });
  };
  let moments = 0;
  // The files are written one like the other; the links are switched after some twenty-four steps.
  for (let limit = 0; ; limit += limit < 24 ? 3 : 1) {
    await startAgain();
    const change = await resource('c').inspect();
    if (!change) throw new Error('nothing to do');
    if (!(await diesAfter(limit, () => resource('c').apply(change)))) break;
    moments += 1;
    const source = join(folder, readlinkSync(join(path, 'current')) === c ? 'c' : 'b');
    for (const file of ['chunks/BULK.mjs', 'verbs/backup.mjs', 'release.json']) {
      t.ok(readFileSync(join(path, 'current', file)).equals(readFileSync(join(source, file))));
    }
    await install('c');
    t.strictSame(await names(), [b, c, 'current', 'previous'], `killed after ${limit}`);
    t.ok([a, b].includes(readlinkSync(join(path, 'previous'))));
  }
  t.ok(moments > 18, `${moments} moments`);

  for (let limit = 0; ; limit++) {
    await startAgain();
    const removal = releaseRemoval(path);
    const change = await removal.inspect();
    if (!change) throw new Error('nothing to do');
    if (!(await diesAfter(limit, () => removal.apply(change)))) break;
    const again = await removal.inspect();
    if (again) await removal.apply(again);
    t.notOk(existsSync(path), `the removal was killed after ${limit}`);
  }
});

/** Installs as a process of its own, which a limit or a signal can hit. Returns its file. */
async function installer(folder: string): Promise<string> {
  const outfile = join(folder, 'install.mjs');
  await build({
    stdin: {
      contents: `import { releaseResource } from './lib/host/release.ts';
        const [source, path] = process.argv.slice(2);
        const resource = releaseResource({ source, path });
        await resource.apply(await resource.inspect()).catch(({ code, message, hint }) => {
          console.log(JSON.stringify({ code, message, hint }));
        });`,
      resolveDir: new URL('../..', import.meta.url).pathname,
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
  return outfile;
}

t.test('the disk is full: the old release is still the current one, and nothing is left of the new one', async (t) => {
  const { path, folder, a, install, names } = await shipped(t);
  await install('a');
  const words = [process.execPath, await installer(folder), join(folder, 'b'), path];
  // Without what tap would load into it: that writes more than the limit lets it.
  const limited = await run('env', ['-u', 'NODE_OPTIONS', 'prlimit', '--fsize=1000000:1000000', ...words]);
  t.match(JSON.parse(limited.stdout), {
    code: 'no-space',
    message: /BULK\.mjs: there is no space left/,
    hint: /df -h /,
  });
  t.strictSame(await names(), [a, 'current']);
  t.equal(readlinkSync(join(path, 'current')), a);

  const small = join(folder, 'small');
  await mkdir(small);
  // A private mount: it is gone with the process.
  const script = `mount -t tmpfs -o size=5m none "$1" || exit 99; "$2" "$3" "$4" "$1"; "$2" "$3" "$5" "$1"; ls -m "$1"`;
  const sources = [join(folder, 'a'), join(folder, 'b')];
  const full = await run('unshare', ['--mount', 'sh', '-c', script, 'sh', small, ...words.slice(0, 2), ...sources]);
  if (full.stdout === '') {
    t.pass('mounting is not allowed here: the limit above stands for it');
    return;
  }
  const [failure = '', left] = full.stdout.trimEnd().split('\n');
  t.match(JSON.parse(failure), { code: 'no-space', hint: /df -h / });
  t.equal(left, `${a}, current`);
});

t.test('a process that gets SIGKILL while it installs', async (t) => {
  const { path, folder, a, b, install, names } = await shipped(t);
  await install('a');
  // Nobody ever writes into the pipe, so that it stops right in the middle, with one file whole and one begun.
  const source = join(folder, 'b/coffre');
  await rename(source, `${source}.whole`);
  await run('mkfifo', [source]);
  const child = spawn(process.execPath, [await installer(folder), join(folder, 'b'), path], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await until('it is at work', () => existsSync(join(path, `${b}.partial/coffre.partial`)));
  t.ok(existsSync(join(path, `${b}.partial/chunks/BULK.mjs`)));
  child.kill('SIGKILL');
  t.match(await ended, [null, 'SIGKILL']);
  await rename(`${source}.whole`, source);
  t.strictSame(await names(), [a, `${b}.partial`, 'current']);
  await install('b');
  t.strictSame(await names(), [a, b, 'current', 'previous']);
});

const none = { code: 'not-found', message: /no release before the current one is kept/, hint: /git checkout COMMIT/ };

t.test('a plan of a rollback says so when there is nothing to roll back to', async (t) => {
  const path = t.testdir();
  await t.rejects(rollbackResource(join(path, 'never-installed')).inspect(), none);
  await t.rejects(rollbackResource(path).inspect(), none);
  await mkdir(join(path, '1.0.0-aaaaaaaa'));
  await symlink('1.0.0-aaaaaaaa', join(path, 'current'));
  await t.rejects(rollbackResource(path).inspect(), none, 'the only one');
  await symlink('0.9.0-bbbbbbbb', join(path, 'previous'));
  await t.rejects(rollbackResource(path).inspect(), none, 'the link leads nowhere');
  await mkdir(join(path, '0.9.0-bbbbbbbb'));
  t.match(await rollbackResource(path).inspect(), {
    action: 'change',
    lines: ['-current -> 1.0.0-aaaaaaaa', '+current -> 0.9.0-bbbbbbbb'],
  });
});
