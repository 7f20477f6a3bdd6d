import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { appendToChain } from '../../lib/audit/chain.ts';
import { readOutbox } from '../../lib/audit/outbox.ts';
import { publishOutbox } from '../../lib/audit/publish.ts';
import { recoverHead } from '../../lib/audit/recover-head.ts';
import { signHostRecord } from '../../lib/audit/sign.ts';
import { factsOf, type SignedRecord } from '../../lib/audit/signed-record.ts';
import type { AuditConfig, GitAudit } from '../../lib/model/audit-config.ts';
import type { HostRecord } from '../../lib/model/record.ts';
import { hostChain, hostRecordsOf } from '../fixture/host-record.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { type Signer, signerOf, temporaryFolder } from '../fixture/signer.ts';

type T = Parameters<typeof temporaryFolder>[0];
const clock = { now: () => new Date('2026-11-22T12:00:00Z') };
const AT = new Date('2026-11-22T04:00:07Z');
const NO_SECRETS = '/nowhere/.env';
const git = (repository: string, ...words: string[]) =>
  execFileSync('git', ['-C', repository, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

async function auditOf(t: T): Promise<GitAudit> {
  const remote = join(await temporaryFolder(t), 'audit.git');
  execFileSync('git', ['init', '-q', '--bare', remote]);
  return { kind: 'git', remote, branch: 'main' };
}

/** What a host does with its chain. */
function hostOf(audit: AuditConfig, { host, stateFolder, sign }: Signer) {
  const recover = () => recoverHead({ audit, secretsFile: NO_SECRETS, stateFolder, chain: { of: 'manifests', host } });
  return {
    run: (at: Date) => appendToChain(stateFolder, recover, (link) => sign(manifestOf(host, at, link))),
    record: (kind: HostRecord['kind'], at: Date) =>
      appendToChain(stateFolder, recover, (link) =>
        signHostRecord({ ...hostRecordsOf(host, at)[kind], ...link } as HostRecord, stateFolder),
      ),
    publish: () => publishOutbox({ audit, secretsFile: NO_SECRETS, stateFolder, host, clock, random: () => 0 }),
  };
}

const files = ({ remote }: GitAudit) =>
  git(remote, 'ls-tree', '-r', '--name-only', 'main')
    .split('\n')
    .filter((path) => path.endsWith('.json'));

t.test('records of all kinds that began in one second make one chain, published in order in one commit', async (t) => {
  const audit = await auditOf(t);
  const signer = await signerOf(t, 'db1');
  const host = hostOf(audit, signer);
  const made: SignedRecord[] = [await host.run(AT)];
  for (const kind of ['verify', 'prune', 'provision', 'key-rotation'] as const) made.push(await host.record(kind, AT));
  const waiting = await readOutbox(signer.stateFolder);
  t.strictSame(waiting, made);
  for (const [index, signed] of waiting.entries())
    t.match(factsOf(signed), { sequence: index + 1, previous: waiting[index - 1]?.sha256 ?? null });
  t.match(await host.publish(), { kind: 'published', count: 5, tampered: { length: 0 } });
  const name = '2026-11-22T040007Z';
  t.strictSame(files(audit), [
    ...['key-rotation', 'provision', 'prune', 'verify'].map((kind) => `manifests/db1/2026/${name}-${kind}.json`),
    `manifests/db1/2026/${name}.json`,
  ]);
  t.strictSame(git(audit.remote, 'log', '-1', '--format=%B', 'main').split('\n'), [
    ...[`db1 key-rotation ${name} succeeded`, '', `db1 ${name} succeeded`],
    ...['verify', 'prune', 'provision'].map((kind) => `db1 ${kind} ${name} succeeded`),
  ]);
});

t.test(
  'a host that has lost its record goes on where its chain ends, whatever the kind of its last link',
  async (t) => {
    const audit = await auditOf(t);
    const signer = await signerOf(t, 'db1');
    const host = hostOf(audit, signer);
    await host.run(AT);
    const last = await host.record('provision', new Date(AT.getTime() + 60_000));
    await host.publish();
    for (const name of ['chain.json', 'audit']) await rm(join(signer.stateFolder, name), { recursive: true });
    const next = await host.run(new Date(AT.getTime() + 120_000));
    t.match(factsOf(next), { sequence: 3, previous: last.sha256 });
    t.match(await host.publish(), { kind: 'published', count: 1 });
  },
);

t.test('a host whose release was rolled back goes on behind a kind that it does not know', async (t) => {
  const audit = await auditOf(t);
  const signer = await signerOf(t, 'db1');
  const chain = hostChain(signer);
  const newer = await chain.newer('fire-drill', AT);
  const host = hostOf(audit, signer);
  await appendToChain<SignedRecord>(
    signer.stateFolder,
    async () => undefined,
    async () => newer,
  );
  t.match(factsOf(await host.run(new Date(AT.getTime() + 60_000))), { sequence: 2, previous: newer.sha256 });
  t.match(await host.publish(), { kind: 'published', count: 2 });
  for (const name of ['chain.json', 'audit']) await rm(join(signer.stateFolder, name), { recursive: true });
  t.match(factsOf(await host.run(new Date(AT.getTime() + 120_000))), { sequence: 3 }, 'also from what is published');
});

t.test('what somebody took away of the other kinds comes back with the next publication', async (t) => {
  const audit = await auditOf(t);
  const host = hostOf(audit, await signerOf(t, 'db1'));
  await host.run(AT);
  await host.record('verify', AT);
  await host.publish();
  const work = await temporaryFolder(t);
  git(work, 'clone', '-q', '-b', 'main', audit.remote, '.');
  const path = 'manifests/db1/2026/2026-11-22T040007Z-verify.json';
  git(work, 'rm', '-q', path, `${path}.sig`);
  git(work, '-c', 'user.name=x', '-c', 'user.email=x', '-c', 'commit.gpgSign=false', 'commit', '-qm', 'gone');
  git(work, 'push', '-q', 'origin', 'HEAD:main');
  await host.record('provision', new Date(AT.getTime() + 60_000));
  t.match(await host.publish(), { kind: 'published', tampered: [path, `${path}.sig`] });
  t.ok(files(audit).includes(path));
});
