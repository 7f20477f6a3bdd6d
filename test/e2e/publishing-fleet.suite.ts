import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { putIntoOutbox } from '../../lib/audit/outbox.ts';
import { publishOutbox } from '../../lib/audit/publish.ts';
import type { AuditConfig } from '../../lib/model/audit-config.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { AUDIT_TOKEN, startGitHubRepository } from '../fixture/github-repository.ts';
import { signerOf, temporaryFolder } from '../fixture/signer.ts';

/*
 * Thirty hosts that publish at one moment, with the waits of the real thing: GitHub is asked to write once a second by each,
 * and takes 50 ms for an answer.
 */

const HOSTS = 30;
const NIGHT = new Date(Date.UTC(2026, 10, 22, 4));

interface Remote {
  readonly audit: AuditConfig;
  readonly secretsFile: string;
  readonly bare: string;
}

async function allLand(t: Test, { audit, secretsFile, bare }: Remote): Promise<void> {
  const hosts = await Promise.all(Array.from({ length: HOSTS }, (_, n) => signerOf(t, `db${n + 1}`)));
  for (const signer of hosts) await putIntoOutbox(signer.stateFolder, await signer.next(NIGHT));
  const began = performance.now();
  const done = await Promise.all(
    hosts.map(async ({ stateFolder, host }) => {
      let tries = 1;
      // Asked once before each further try.
      const random = () => {
        tries += 1;
        return Math.random();
      };
      const clock = systemClock;
      const { kind } = await publishOutbox({ audit, secretsFile, stateFolder, host, clock, random });
      return { kind, tries, seconds: (performance.now() - began) / 1000 };
    }),
  );
  t.strictSame(
    done.map(({ kind }) => kind),
    hosts.map(() => 'published'),
  );
  const files = execFileSync('git', ['-C', bare, 'ls-tree', '-r', '--name-only', 'main', 'manifests'], {
    encoding: 'utf8',
  });
  t.equal(files.trim().split('\n').length, 2 * HOSTS);
  const sorted = (of: (each: (typeof done)[number]) => number) => done.map(of).sort((a, b) => a - b);
  const [tries, seconds] = [sorted((each) => each.tries), sorted((each) => each.seconds)];
  const [middle, last] = [HOSTS / 2, HOSTS - 1];
  t.comment(
    `${HOSTS} hosts, kind ${audit.kind}: tries ${tries[middle]} in the middle, ${tries[last]} at most, ${tries.reduce((a, b) => a + b)} in all; landed after ${seconds[middle]?.toFixed(1)} s in the middle, ${seconds[last]?.toFixed(1)} s at most`,
  );
}

t.test('thirty hosts push to one git repository at one moment, and all land', async (t) => {
  const folder = await temporaryFolder(t);
  const bare = join(folder, 'audit.git');
  execFileSync('git', ['init', '-q', '--bare', '--initial-branch=main', bare]);
  await allLand(t, { audit: { kind: 'git', remote: bare, branch: 'main' }, secretsFile: join(folder, '.env'), bare });
});

t.test('thirty hosts publish to one repository at GitHub at one moment, and all land', async (t) => {
  const folder = await temporaryFolder(t);
  const server = await startGitHubRepository(folder);
  t.teardown(() => server.close());
  server.state.delayMs = 50;
  const secretsFile = join(folder, '.env');
  await writeFile(secretsFile, `COFFRE_GITHUB_TOKEN=${AUDIT_TOKEN}\n`, { mode: 0o600 });
  const audit = { kind: 'github', repository: 'acme/backup-audit', branch: 'main', api: server.apiUrl } as const;
  await allLand(t, { audit, secretsFile, bare: server.bare });
  const writes = server.requests.filter((request) => !request.startsWith('GET')).length;
  t.comment(`${server.requests.length} requests, ${writes} of them writes`);
  t.strictSame(server.complaints, []);
});
