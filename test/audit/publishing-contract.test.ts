import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type PublishingRemote, publishingContract } from '../contract/publishing.ts';
import { AUDIT_TOKEN, startGitHubRepository } from '../fixture/github-repository.ts';
import type { Trouble } from '../fixture/github-server.ts';
import { temporaryFolder } from '../fixture/signer.ts';

const MOVE = 'PATCH /repos/acme/backup-audit/git/refs/heads';

publishingContract(t, 'git', async (t: Test): Promise<PublishingRemote> => {
  const folder = await temporaryFolder(t);
  const bare = join(folder, 'audit.git');
  execFileSync('git', ['init', '-q', '--bare', '--initial-branch=main', bare]);
  const hook = async (name: string, script: string) => {
    const path = join(bare, 'hooks', name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  };
  return {
    audit: { kind: 'git', remote: bare, branch: 'main' },
    secretsFile: join(folder, '.env'),
    ...{ bare, besides: 0 },
    away: () => rename(bare, `${bare}.away`),
    back: () => rename(`${bare}.away`, bare),
    // git-receive-pack, which has just moved the branch, dies before it can say so.
    loseAnswer: () => hook('post-receive', 'rm "$0"; kill -9 $PPID'),
    async stall() {
      const [waiting, held] = [join(folder, 'waiting'), join(folder, 'held')];
      await writeFile(held, '');
      const path = await hook('pre-receive', `touch ${waiting}; while [ -e ${held} ]; do sleep 0.1; done`);
      return {
        isWaiting: async () => existsSync(waiting),
        release: async () => await Promise.all([rm(held), rm(path)]),
      };
    },
    protect: () => hook('pre-receive', 'echo "only by merge request" >&2; exit 1'),
  };
});

publishingContract(t, 'github', async (t: Test): Promise<PublishingRemote> => {
  const folder = await temporaryFolder(t);
  const server = await startGitHubRepository(folder);
  t.teardown(() => server.close());
  const secretsFile = join(folder, '.env');
  await writeFile(secretsFile, `COFFRE_GITHUB_TOKEN=${AUDIT_TOKEN}\n`, { mode: 0o600 });
  const cut: Trouble = (_, response) => response.destroy();
  return {
    audit: { kind: 'github', repository: 'acme/backup-audit', branch: 'main', api: server.apiUrl },
    ...{ secretsFile, bare: server.bare, besides: 1 },
    away: async () => {
      server.state.isDown = true;
    },
    back: async () => {
      server.state.isDown = false;
    },
    // The first one is carried out, and no try after it gets an answer.
    async loseAnswer() {
      server.answerMeets(MOVE, cut);
      for (let times = 0; times < 3; times += 1) server.meets(MOVE, cut);
    },
    async stall() {
      let isWaiting = false;
      server.meets(MOVE, () => {
        isWaiting = true;
      });
      return { isWaiting: async () => isWaiting, release: async () => undefined };
    },
    async protect() {
      server.state.isProtected = true;
    },
    assertClean: (t) => t.strictSame(server.complaints, []),
  };
});
