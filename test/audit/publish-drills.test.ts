import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { appendToChain } from '../../lib/audit/chain.ts';
import { readOutbox } from '../../lib/audit/outbox.ts';
import { publishOutbox } from '../../lib/audit/publish.ts';
import { recoverHead } from '../../lib/audit/recover-head.ts';
import { signDrill } from '../../lib/audit/sign.ts';
import type { GitAudit } from '../../lib/model/audit-config.ts';
import type { HostName } from '../../lib/model/names.ts';
import { drillOf } from '../fixture/drill-record.ts';
import { type Signer, signerOf, temporaryFolder } from '../fixture/signer.ts';

/** A remote that is a folder needs none. */
const NO_SECRETS = '/nowhere/.env';
const clock = { now: () => new Date('2026-11-20T12:00:00Z') };
const at = (hour: number) => new Date(Date.UTC(2026, 10, 20, hour, 0, 1));
const git = (repository: string, ...words: string[]) =>
  execFileSync('git', ['-C', repository, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

async function auditOf(test: Parameters<typeof temporaryFolder>[0]): Promise<GitAudit> {
  const remote = join(await temporaryFolder(test), 'audit.git');
  execFileSync('git', ['init', '-q', '--bare', remote]);
  return { kind: 'git', remote, branch: 'main' };
}

/** What a driller does for one of its hosts: chain and outbox are the host's, the clone is one for all. */
function drillsOf(audit: GitAudit, { host: driller, stateFolder: cloneFolder }: Signer, name: string) {
  const host = name as HostName;
  const stateFolder = join(cloneFolder, 'drills', name);
  const chain = { of: 'drills', host, driller } as const;
  return {
    stateFolder,
    append: (hour: number) =>
      appendToChain(
        stateFolder,
        () => recoverHead({ audit, secretsFile: NO_SECRETS, stateFolder: cloneFolder, chain }),
        (link) => signDrill(drillOf(driller, host, at(hour), at(hour - 1), link), cloneFolder),
      ),
    publish: () =>
      publishOutbox({
        audit,
        secretsFile: NO_SECRETS,
        stateFolder,
        cloneFolder,
        host,
        driller,
        clock,
        random: () => 0,
      }),
  };
}

const files = ({ remote }: GitAudit) =>
  git(remote, 'ls-tree', '-r', '--name-only', 'main')
    .split('\n')
    .filter((path) => path.endsWith('.json'));

t.test('two drillers publish drills of one host in the same second, and each goes on with its own chain', async (t) => {
  const audit = await auditOf(t);
  const [one, two] = [await signerOf(t, 'drill1'), await signerOf(t, 'drill2')].map((each) =>
    drillsOf(audit, each, 'db1'),
  );
  if (!one || !two) throw new Error('there are two');
  for (const hour of [9, 10]) {
    for (const each of [one, two]) {
      t.match((await each.append(hour)).record, { sequence: hour - 8 });
      t.match(await each.publish(), { kind: 'published', count: 1, tampered: { length: 0 } });
      t.strictSame(await readOutbox(each.stateFolder), []);
    }
  }
  t.strictSame(files(audit), [
    'drills/db1/2026/2026-11-20T090001Z-drill1.json',
    'drills/db1/2026/2026-11-20T090001Z-drill2.json',
    'drills/db1/2026/2026-11-20T100001Z-drill1.json',
    'drills/db1/2026/2026-11-20T100001Z-drill2.json',
  ]);
  t.equal(
    git(audit.remote, 'log', '-1', '--format=%an: %s', 'main'),
    'coffre drill2: drill2 drilled db1 2026-11-20T100001Z succeeded',
  );
});

t.test('a driller that has lost its record goes on where its published chain ends', async (t) => {
  const audit = await auditOf(t);
  const [signer, other] = [await signerOf(t, 'drill1'), await signerOf(t, 'drill2')];
  for (const [each, hours] of [
    [signer, [8, 9]],
    [other, [8, 9, 10]],
  ] as const) {
    const drills = drillsOf(audit, each, 'db1');
    for (const hour of hours) await drills.append(hour);
    await drills.publish();
  }
  const drills = drillsOf(audit, signer, 'db1');
  const [before] = [
    git(
      audit.remote,
      'show',
      `main:${files(audit)
        .filter((path) => path.includes('drill1'))
        .at(-1)}`,
    ),
  ];
  await rm(drills.stateFolder, { recursive: true });
  const { record } = await drills.append(11);
  t.match(record, { sequence: 3 }, 'not that of the other driller, which is at 3');
  t.match(JSON.parse(before), { sequence: 2, driller: 'drill1' });
  t.match(await drills.publish(), { kind: 'published' });
});

t.test(
  'what somebody took away of a chain comes back with the next drill of it, also after one of another host',
  async (t) => {
    const audit = await auditOf(t);
    const signer = await signerOf(t, 'drill1');
    const [db1, db2] = [drillsOf(audit, signer, 'db1'), drillsOf(audit, signer, 'db2')];
    for (const each of [db1, db2]) {
      await each.append(9);
      await each.publish();
    }
    const work = await temporaryFolder(t);
    git(work, 'clone', '-q', '-b', 'main', audit.remote, '.');
    git(work, 'rm', '-rq', 'drills/db1');
    git(work, '-c', 'user.name=x', '-c', 'user.email=x', '-c', 'commit.gpgSign=false', 'commit', '-qm', 'gone');
    git(work, 'push', '-q', 'origin', 'HEAD:main');
    await db2.append(10);
    t.match(await db2.publish(), { kind: 'published', tampered: { length: 0 } });
    await db1.append(10);
    t.match(await db1.publish(), {
      kind: 'published',
      tampered: [
        'drills/db1/2026/2026-11-20T090001Z-drill1.json',
        'drills/db1/2026/2026-11-20T090001Z-drill1.json.sig',
      ],
    });
    t.equal(files(audit).length, 4);
  },
);
