import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { appendToChain } from '../../lib/audit/chain.ts';
import { publishOutbox } from '../../lib/audit/publish.ts';
import { recoverHead } from '../../lib/audit/recover-head.ts';
import type { GitAudit } from '../../lib/model/audit-config.ts';
import { runGit } from '../../lib/system/git.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { type Signer, signerOf, temporaryFolder } from '../fixture/signer.ts';

/** A remote that is a folder needs none. */
const NO_SECRETS = '/nowhere/.env';
const clock = { now: () => new Date('2026-11-22T04:10:00Z') };
const day = (n: number) => new Date(Date.UTC(2026, 10, n, 4));
const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

async function remoteFor(t: Parameters<typeof temporaryFolder>[0]): Promise<{ remote: string; audit: GitAudit }> {
  const remote = join(await temporaryFolder(t), 'audit.git');
  await mkdir(remote);
  await runGit(['init', '--quiet', '--bare', '.'], { cwd: remote });
  return { remote, audit: { kind: 'git', remote, branch: 'main' } };
}

const append = (signer: Signer, n: number, audit: GitAudit) =>
  appendToChain(
    signer.stateFolder,
    () =>
      recoverHead({
        audit,
        secretsFile: NO_SECRETS,
        stateFolder: signer.stateFolder,
        chain: { of: 'manifests', host: signer.host },
      }),
    (link) => signer.sign(manifestOf(signer.host, day(n), link)),
  );

const publish = ({ stateFolder, host }: Signer, audit: GitAudit, changes = {}) =>
  publishOutbox({ audit, secretsFile: NO_SECRETS, stateFolder, host, clock, random: () => 0, ...changes });

/** Commits what `change` does to a checkout of the remote, and pushes it, by force. */
async function meddle(
  t: Parameters<typeof temporaryFolder>[0],
  remote: string,
  change: (folder: string) => Promise<unknown>,
) {
  const folder = join(await temporaryFolder(t), 'clone');
  execFileSync('git', ['clone', '-q', remote, folder], { stdio: 'ignore' });
  await change(folder);
  git(folder, 'add', '-A');
  git(folder, '-c', 'user.name=x', '-c', 'user.email=x', 'commit', '-qm', 'x');
  git(folder, 'push', '-qf', 'origin', 'HEAD:main');
}

t.test('a remote that never answers ends by its timeout', async (t) => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { audit } = await remoteFor(t);
  const signer = await signerOf(t, 'db1');
  await append(signer, 1, audit);
  const { port } = server.address() as { port: number };
  const hanging = { ...audit, remote: `ssh://127.0.0.1:${port}/x`, hostKey: 'ssh-ed25519 AAAA' };
  t.match(await publish(signer, hanging, { timeoutMs: 400 }), {
    kind: 'owed',
    error: { code: 'audit-unreachable', message: /no answer/ },
  });
});

t.test('what a hung remote keeps from being published lands afterwards, in order and once', async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { remote, audit } = await remoteFor(t);
  const signer = await signerOf(t, 'db1');
  await append(signer, 1, audit);
  await publish(signer, audit);
  const { port } = server.address() as { port: number };
  const hangs = ['ssh', 'https'].map((scheme) => ({
    ...audit,
    remote: `${scheme}://127.0.0.1:${port}/x`,
    hostKey: 'ssh-ed25519 AAAA',
  }));
  let n = 2;
  for (const hanging of hangs) {
    await append(signer, n, hanging);
    t.match(await publish(signer, hanging, { silenceMs: 400 }), {
      kind: 'owed',
      count: n - 1,
      error: { code: 'audit-unreachable', message: /no answer within 0.4 s$/, hint: /git ls-remote/ },
    });
    n += 1;
  }
  t.ok(sockets.size >= 2, 'each had reached it');
  t.match(await publish(signer, audit), { kind: 'published', count: 2, tampered: [] });
  const names = git(remote, 'ls-tree', '-r', '--name-only', 'main', 'manifests').trim().split('\n');
  t.equal(names.filter((name) => name.endsWith('.json')).length, 3);
  const sequences = names
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(git(remote, 'show', `main:${name}`)).sequence);
  t.strictSame(sequences, [1, 2, 3]);
});

t.test('throws away a clone that is damaged, half-made, foreign, or a link to elsewhere', async (t) => {
  const { audit } = await remoteFor(t);
  const signer = await signerOf(t, 'db1');
  const clone = join(signer.stateFolder, 'audit');
  const elsewhere = join(await temporaryFolder(t), 'elsewhere');
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, 'kept'), 'x');
  const damages: Record<string, () => Promise<unknown>> = {
    'a file': () => writeFile(clone, 'x'),
    'a link to elsewhere': () => symlink(elsewhere, clone),
    'no HEAD': () => rm(join(clone, 'HEAD')),
    'an empty object store': () =>
      rm(join(clone, 'objects'), { recursive: true }).then(() => mkdir(join(clone, 'objects'))),
    'another remote': async () => git(clone, 'config', 'coffre.remote', '/elsewhere'),
  };
  let n = 1;
  for (const [name, damage] of Object.entries(damages)) {
    if (name === 'a file' || name === 'a link to elsewhere') await rm(clone, { recursive: true, force: true });
    await damage();
    await append(signer, n, audit);
    n += 1;
    t.match(await publish(signer, audit), { kind: 'published', count: 1 }, name);
  }
  t.ok(existsSync(join(elsewhere, 'kept')));
});

t.test('follows no link out of a hostile repository', async (t) => {
  const { remote, audit } = await remoteFor(t);
  const signer = await signerOf(t, 'db1');
  const target = join(await temporaryFolder(t), 'target');
  await mkdir(target);
  await meddle(t, remote, async (folder) => {
    await mkdir(join(folder, 'manifests'));
    await symlink(target, join(folder, 'manifests', 'db1'));
  });
  await append(signer, 1, audit);
  t.match(await publish(signer, audit), { kind: 'published', count: 1 });
  t.strictSame(await readdir(target), []);
});

t.test('gives up after its attempts when others are always faster', async (t) => {
  const { remote, audit } = await remoteFor(t);
  const signer = await signerOf(t, 'db1');
  await append(signer, 1, audit);
  // The remote's lock on the branch is held: every push loses the race.
  await mkdir(join(remote, 'refs', 'heads'), { recursive: true });
  await writeFile(join(remote, 'refs', 'heads', 'main.lock'), '');
  t.match(await publish(signer, audit, { attempts: 2 }), {
    kind: 'owed',
    error: { code: 'audit-unreachable', message: /faster 2 times/ },
  });
});
