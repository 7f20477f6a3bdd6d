import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { formatAuditInit } from '../../lib/report/audit-init-result.ts';
import { runTask } from '../fixture/task.ts';

const root = new URL('../../', import.meta.url).pathname;

t.test('shows the plan, pushes, and says what only the keeper can do', async (t) => {
  const cwd = t.testdir({ inventory: {} });
  cpSync(join(root, 'inventory'), join(cwd, 'inventory'), { recursive: true });
  execFileSync('git', ['init', '-q', '--bare', '--template=', '-b', 'main', 'audit.git'], { cwd });
  const dry = await runTask('audit-init', ['./audit.git', '--dry-run'], { cwd });
  t.equal(dry.exitCode, 0, dry.stderr);
  t.match(dry.stderr, /audit\.git: 3 changes\n {2}\+ file README\.md\n {6}\+# Record of backups\n/);
  t.match(dry.stdout, /^this was a dry run: nothing has been pushed\nno workflow, because .* is not at GitHub\n/);
  const made = await runTask('audit-init', ['./audit.git', '--json'], { cwd });
  t.equal(made.exitCode, 0, made.stderr);
  const events = made.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(events, [
    { event: 'changes', subject: /audit\.git$/, changes: [{ name: 'README.md' }, {}, {}] },
    { event: 'result', exitCode: 0, data: { commit: /^[0-9a-f]{40}$/, branch: 'main' } },
  ]);

  const two = await runTask('audit-init', ['./audit.git', '--repository', 'acme/backup-audit'], { cwd });
  t.match(two, { exitCode: 2, stderr: /several are named\nhint: npx zx tasks\/audit-init\.ts --help/ });
  const none = await runTask('audit-init', ['nonsense'], { cwd });
  t.match(none, { exitCode: 2, stderr: /cannot use the remote nonsense: / });
  t.notMatch(none.stderr, /\n {4}at /);
});

t.test('the advice fits the place', async (t) => {
  const result = { remote: '/srv/audit.git', branch: 'main', github: null, changes: [1], commit: 'a'.repeat(40) };
  t.match(
    formatAuditInit({ ...result, noWorkflow: 'it is elsewhere', dryRun: false }),
    /^\/srv\/audit\.git: 1 change pushed to main as a{12}\nno workflow, because it is elsewhere\n.*receive\.denyNonFastForwards/s,
  );
  const atGitHub = { ...result, remote: 'git@github.com:acme/x.git', github: 'acme/x', dryRun: false };
  const advice = formatAuditInit({ ...atGitHub, noWorkflow: null });
  t.match(advice, /settings\/rules.*Block force pushes.*COFFRE_INVENTORY_KEY/s);
  t.notMatch(formatAuditInit({ ...atGitHub, noWorkflow: 'why' }), 'COFFRE_INVENTORY_KEY');
});
