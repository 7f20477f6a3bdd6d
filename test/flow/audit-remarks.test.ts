import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { auditRemarks } from '../../lib/flow/audit-remarks.ts';
import type { GitHubAudit } from '../../lib/model/audit-config.ts';
import { AUDIT_TOKEN, startGitHubRepository } from '../fixture/github-repository.ts';
import { temporaryFolder } from '../fixture/signer.ts';

t.test('whether a machine could publish at GitHub is found out, and what keeps it from that is told', async (t) => {
  const folder = await temporaryFolder(t);
  const server = await startGitHubRepository(folder);
  t.teardown(() => server.close());
  const { state, tokens } = server;
  const secretsFile = join(folder, '.env');
  const audit: GitHubAudit = { kind: 'github', repository: 'acme/backup-audit', branch: 'main', api: server.apiUrl };
  const remarks = (tries = false) => auditRemarks({ audit, secretsFile, tries });
  const code = 'audit-unreachable';

  t.match(await remarks(), [
    {
      text: `nothing can be published: ${secretsFile} does not set COFFRE_GITHUB_TOKEN`,
      hint: /fine-grained token for acme\/backup-audit alone, with Contents: read and write.*umask 077/,
      code,
    },
  ]);
  t.match(await auditRemarks({ audit: { ...audit, app: { id: 7, installation: 42 } }, secretsFile, tries: false }), [
    { text: /COFFRE_GITHUB_APP_KEY_FILE/, hint: /private key of the App/, code },
  ]);
  await writeFile(secretsFile, `COFFRE_GITHUB_TOKEN=${AUDIT_TOKEN}\n`, { mode: 0o600 });
  t.strictSame(await remarks(true), [], 'an empty repository will do');
  t.notOk(server.requests.some((request) => !request.startsWith('GET')));

  await chmod(secretsFile, 0o644);
  t.match(await remarks(), [{ text: /others than its owner/, hint: /chmod 600/ }]);
  await chmod(secretsFile, 0o600);
  tokens.set(AUDIT_TOKEN, 'read');
  t.match(await remarks(), [{ text: /may read acme\/backup-audit, and not write/, hint: /Contents/, code }]);
  tokens.set(AUDIT_TOKEN, 'nothing');
  t.match(await remarks(), [{ text: /may not see it/, hint: /audit.repository/, code }]);
  tokens.clear();
  t.match(await remarks(), [{ text: /does not accept the token/, code }]);
  tokens.set(AUDIT_TOKEN, 'write');
  Object.assign(state, { isArchived: true });
  t.match(await remarks(), [{ text: /is archived/, code }]);
  Object.assign(state, { isArchived: false, isPublic: true, name: 'acme/audit' });
  t.match(await remarks(), [
    { text: 'acme/backup-audit is called acme/audit now', advice: true, code: undefined },
    { text: /is public/, advice: true, code: undefined },
  ]);
  await server.close();
  t.match(await remarks(), [{ text: /^nothing can be published: /, code }]);
  t.strictSame(server.complaints, []);
  await rm(secretsFile);
  t.strictSame(
    await auditRemarks({ audit: { kind: 'git', remote: '/nowhere', branch: 'main' }, secretsFile, tries: true }),
    [],
  );
});

t.test(
  'a plan writes nothing, and an apply tries to write where GitHub does not tell what the token may',
  async (t) => {
    const folder = await temporaryFolder(t);
    const server = await startGitHubRepository(folder);
    t.teardown(() => server.close());
    const secretsFile = join(folder, '.env');
    await writeFile(secretsFile, `COFFRE_GITHUB_TOKEN=${AUDIT_TOKEN}\n`, { mode: 0o600 });
    const audit: GitHubAudit = { kind: 'github', repository: 'acme/backup-audit', branch: 'main', api: server.apiUrl };
    const write = 'POST /repos/acme/backup-audit/git/blobs';
    server.meets('GET /repos/acme/backup-audit/git/ref', (_, response) =>
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ message: 'Not Found', documentation_url: 'https://docs.github.com' })),
    );
    t.strictSame(await auditRemarks({ audit, secretsFile, tries: false }), []);
    t.notOk(server.requests.includes(write));
    const forbidden = JSON.stringify({ message: 'Resource not accessible by personal access token' });
    server.meets(write, (_, response) =>
      response.writeHead(403, { 'content-type': 'application/json' }).end(forbidden),
    );
    server.meets('GET /repos/acme/backup-audit/git/ref', (_, response) =>
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}'),
    );
    t.match(await auditRemarks({ audit, secretsFile, tries: true }), [
      { text: /not accessible/, hint: /Contents: read and write/, code: 'audit-unreachable' },
    ]);
  },
);
