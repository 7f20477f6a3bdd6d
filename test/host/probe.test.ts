import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { PROBE_SCRIPT, parseProbe, UNPACK_SCRIPT } from '../../lib/host/probe.ts';
import { SWEEP_UPLOADS_SCRIPT, UPLOAD_FOLDER_SCRIPT, UPLOADS } from '../../lib/host/uploads.ts';
import { asCoffreError } from '../../lib/model/error.ts';
import { run } from '../../lib/system/command.ts';
import { removeDurably, sha256Of } from '../../lib/system/files.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { temporaryFolder } from '../temporary.ts';

const WHOLE = 'machine=x86_64\nuser=root\nlibc=glibc\nnode=v20.19.5\naccess=own\nend=probe\n';
const busybox = findProgram('busybox');
const applets = temporaryFolder();
t.teardown(() => applets.remove());
if (busybox) {
  const names = [
    '[',
    'cat',
    'cut',
    'dirname',
    'find',
    'grep',
    'gzip',
    'id',
    'mkdir',
    'mktemp',
    'rm',
    'sha256sum',
    'tar',
    'uname',
  ];
  for (const name of names) symlinkSync(busybox, join(applets.path, name));
}
/** What runs the scripts, and with which programs. */
const SHELLS: readonly { readonly name: string; readonly words: readonly string[]; readonly path?: string }[] = [
  { name: 'sh', words: ['/bin/sh'] },
  ...(findProgram('bash') ? [{ name: 'bash', words: ['bash', '--posix'] }] : []),
  ...(busybox ? [{ name: 'busybox alone', words: [busybox, 'sh'], path: applets.path }] : []),
];

t.test('an answer is read, whatever stands around it', async (t) => {
  t.strictSame(parseProbe(`Welcome to db1!\nmachine=pdp11\n\n${WHOLE}Bye.\n`), {
    ...{ machine: 'x86_64', user: 'root', libc: 'glibc', nodeVersion: 'v20.19.5', access: 'own', release: null },
  });
  const release = 'a'.repeat(64);
  t.match(parseProbe(`${WHOLE.replace('v20.19.5', '')}release=${release}\n`), { nodeVersion: '', release });
});

t.test('what is no answer, or half of one, is told as a shell that is none', async (t) => {
  const refused = { code: 'host-unreachable', hint: /login shell/ };
  for (const line of WHOLE.trimEnd().split('\n')) {
    t.throws(() => parseProbe(WHOLE.replace(`${line}\n`, '')), refused, `without ${line}`);
  }
  for (const text of ['', '% Unknown command: sh', WHOLE.replace('own', 'all'), `${WHOLE}release=latest\n`]) {
    t.throws(() => parseProbe(text), refused, text);
  }
  fc.assert(
    fc.property(fc.string(), fc.nat(WHOLE.length - 2), (text, end) => {
      for (const answer of [text, WHOLE.slice(0, end)]) {
        try {
          parseProbe(answer);
          return false;
        } catch (error) {
          if (asCoffreError(error).code !== 'host-unreachable') return false;
        }
      }
      return true;
    }),
  );
});

for (const { name, words, path } of SHELLS) {
  const [program = '', ...first] = words;
  const script = (text: string, ...args: string[]) =>
    run(program, [...first, '-s', '--', ...args], {
      input: path === undefined ? text : text.replace(/^PATH=\S+/m, `PATH=${path}`),
      timeoutMs: 20_000,
    });

  t.test(`${name} carries out the scripts`, async (t) => {
    const { path: folder, remove } = temporaryFolder();
    t.teardown(remove);
    const agent = join(folder, "we'ird $(touch pwned) %\\");
    const bare = await script(PROBE_SCRIPT, agent);
    t.equal(bare.stderr, '');
    t.match(parseProbe(bare.stdout), {
      ...{ user: userInfo().username, access: 'own', release: null, libc: /glibc|musl/ },
    });

    mkdirSync(join(agent, 'one'), { recursive: true });
    symlinkSync('one', join(agent, 'current'));
    const sums = `${sha256Of('verb')}  verb.mjs\n`;
    writeFileSync(join(agent, 'one/SHA256SUMS'), sums);
    writeFileSync(join(agent, 'one/release.json'), '{}\n');
    writeFileSync(join(agent, 'one/verb.mjs'), 'verb');
    const identity = sha256Of(`${sums}{}\n`);
    t.match(parseProbe((await script(PROBE_SCRIPT, agent)).stdout), { release: identity });
    writeFileSync(join(agent, 'one/verb.mjs'), 'werb');
    t.match(parseProbe((await script(PROBE_SCRIPT, agent)).stdout), { release: null }, 'a damaged one is none');
    if (process.getuid?.() !== 0) {
      chmodSync(agent, 0o555);
      t.match(parseProbe((await script(PROBE_SCRIPT, join(agent, 'new'))).stdout), { access: /sudo|none/ });
      chmodSync(agent, 0o755);
    }

    const made = await script(UPLOAD_FOLDER_SCRIPT);
    const upload = made.stdout.trim();
    t.teardown(() => removeDurably(upload));
    t.ok(upload.startsWith(UPLOADS), made.stdout + made.stderr);
    t.equal(statSync(upload).mode & 0o777, 0o700);
    t.equal((await script(UNPACK_SCRIPT, upload, 'f'.repeat(64))).exitCode, 65, 'nothing there yet');
    await run('tar', ['-czf', join(upload, 'release.tar.gz'), '-C', join(agent, 'one'), 'verb.mjs']);
    t.equal((await script(UNPACK_SCRIPT, upload, 'f'.repeat(64))).exitCode, 65, 'another digest');
    const { stdout } = await run('sha256sum', [join(upload, 'release.tar.gz')]);
    const unpacked = await script(UNPACK_SCRIPT, upload, stdout.slice(0, 64));
    t.equal(unpacked.exitCode, 0, unpacked.stderr);
    t.ok(statSync(join(upload, 'release/verb.mjs')).isFile());
    t.equal((await script(UNPACK_SCRIPT, '/nonexistent', 'f'.repeat(64))).exitCode, 66);

    t.equal((await script(SWEEP_UPLOADS_SCRIPT)).stderr, '');
    t.ok(existsSync(upload), 'nobody knows that it is left over');
    writeFileSync(join(upload, 'connection'), '4194305 1\n');
    t.equal((await script(SWEEP_UPLOADS_SCRIPT)).stderr, '');
    t.notOk(existsSync(upload), 'its connection is gone');
  });
}
