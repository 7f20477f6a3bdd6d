import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeAuditHistory } from '../fixture/audit-history.ts';
import { temporaryFolder } from '../fixture/signer.ts';
import { eventsOf, runTask } from '../fixture/task.ts';

const folder = await temporaryFolder(t);
const { repository, inventory, records } = await makeAuditHistory({ folder, hosts: 2, nights: 16, now: new Date() });
const words = ['--inventory', inventory, '--repository', repository];
const git = (...args: string[]) => execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' }).trim();
const validate = (more: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runTask('validate', [...words, ...more], { env: { GITHUB_ACTIONS: '', GITHUB_STEP_SUMMARY: '', ...env } });

t.test('says that all is well of two weeks of two hosts, in a terminal and as JSON', async (t) => {
  const plain = await validate([]);
  t.strictSame([plain.exitCode, plain.stderr], [0, ''], plain.stdout);
  t.match(plain.stdout, /\nvalid: 32 manifests at [0-9a-f]{12}\n$/);
  const json = await validate(['--json']);
  t.match(eventsOf(json).at(-1), {
    event: 'result',
    exitCode: 0,
    data: {
      manifests: records,
      remembered: null,
      findings: [],
      hosts: [{ host: 'db1', state: 'fresh' }, { host: 'db2' }],
    },
  });
});

t.test('remembers the head by itself, and is red when the next one does not extend it', async (t) => {
  const state = ['--state', join(folder, 'seen')];
  const head = git('rev-parse', 'main');
  t.equal((await validate(state)).exitCode, 0);
  t.match(eventsOf(await validate([...state, '--json'])).at(-1), { exitCode: 0, data: { remembered: { head } } });
  git('update-ref', 'refs/heads/main', `${head}~4`);
  t.teardown(() => git('update-ref', 'refs/heads/main', head));
  const red = await validate(state);
  t.equal(red.exitCode, 5);
  t.match(red.stdout, /the history does not contain [0-9a-f]{12}, which was its head on\s/);
  for (const line of red.stdout.split('\n')) t.ok(line.length <= 80, line);
  t.match(readFileSync(join(folder, 'seen', 'validate.json'), 'utf8'), head, 'what is remembered stays');
});

t.test('a place where nothing can be remembered is wrong usage', async (t) => {
  for (const place of ['/proc/coffre', '/dev/null', join(inventory, 'signers/allowed_signers/x')]) {
    const { exitCode, stderr } = await validate(['--state', place]);
    t.equal(exitCode, 2, stderr);
    t.match(stderr, `cannot remember the head in ${place}: `);
  }
});

t.test('in GitHub Actions it annotates the run and writes the summary of the job', async (t) => {
  const summary = join(folder, 'summary.md');
  writeFileSync(summary, 'before\n');
  const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary };
  const lines = readFileSync(join(inventory, 'signers/allowed_signers'), 'utf8').split('\n');
  t.teardown(() => writeFileSync(join(inventory, 'signers/allowed_signers'), lines.join('\n')));
  writeFileSync(join(inventory, 'signers/allowed_signers'), `${lines[0]}\n`);
  const red = await validate(['--json'], env);
  t.equal(red.exitCode, 5);
  t.match(eventsOf(red).at(-1), { event: 'result', exitCode: 5 }, 'stdout is JSON alone');
  const annotations = red.stderr.trim().split('\n');
  t.equal(annotations.length, 10);
  for (const line of annotations) t.match(line, /^::error (file=manifests\/db2\/|title=)/);
  t.match(
    readFileSync(summary, 'utf8'),
    /^before\n## Audit of the backups\n\n\*\*The audit repository is not valid: \d+ errors\./,
  );
  t.equal((await validate([], { GITHUB_ACTIONS: 'true' })).exitCode, 5, 'also where there is no summary');
});
