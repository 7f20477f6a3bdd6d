import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { factsOf } from '../../lib/audit/signed-record.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import { previousFire } from '../../lib/model/schedule.ts';
import { withExampleKeys } from '../fixture/example-recipients.ts';
import { inventoryWith } from '../fixture/inventory.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { signerOf, temporaryFolder } from '../fixture/signer.ts';
import { runTask } from '../fixture/task.ts';

const DAY_MS = 86_400_000;

/** The example's hosts with three good nights up to now, of which db2 lacks the last ones, as a repository that is pushed to. */
const [inventory, repository] = await (async () => {
  const [db1, db2] = [await signerOf(t, 'db1'), await signerOf(t, 'db2')];
  const folder = await inventoryWith(t, { 'signers/allowed_signers': db1.line + db2.line });
  const { hosts } = await readInventory(folder);
  const work = await temporaryFolder(t);
  for (const host of hosts.values()) {
    const signer = host.name === 'db1' ? db1 : db2;
    for (const ago of host.name === 'db1' ? [2, 1, 0] : [6, 5]) {
      const fire = previousFire(host.schedule, host.timezone, new Date(Date.now() - ago * DAY_MS));
      const recipients = withExampleKeys(manifestOf(host.name, fire));
      const signed = await signer.next(fire, { recipients });
      const { path } = factsOf(signed);
      await mkdir(dirname(join(work, path)), { recursive: true });
      await writeFile(join(work, path), signed.bytes);
      await writeFile(join(work, `${path}.sig`), signed.signature);
    }
  }
  const git = (...words: string[]) => execFileSync('git', ['-C', work, ...words], { stdio: 'ignore' });
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('-c', 'user.name=x', '-c', 'user.email=x', '-c', 'commit.gpgSign=false', 'commit', '-q', '-m', 'x');
  return [folder, work];
})();
const common = ['--inventory', inventory, '--repository', repository];

t.test('report writes a page of the published records, whatever it says', async (t) => {
  const out = join(await temporaryFolder(t), 'page.html');
  const { exitCode, stdout, stderr } = await runTask('report', ['--out', out, ...common]);
  t.equal(stderr, '');
  t.equal(exitCode, 0);
  t.match(
    stdout,
    /^1 of 2 hosts is recoverable as of .* UTC; db2 is not: no good run since .*\.\n.*page\.html: 2 hosts, \d+/,
  );
  const page = await readFile(out, 'utf8');
  t.match(page, /^<!doctype html>\n.*<h1>1 of 2 hosts is recoverable/s);
  t.match(page, /id="host-db2".*missing.*id="host-db1".*: 3 succeeded/s);
  const again = await runTask('report', ['--out', out, '--json', ...common]);
  const result = JSON.parse(again.stdout.trimEnd().split('\n').at(-1) ?? '');
  t.match(result, { event: 'result', exitCode: 0, data: { out, standing: 'bad', head: /^[0-9a-f]{40}$/ } });
  t.notOk(existsSync(`${out}.partial`));
});

t.test('report says what is missing, or in the way', async (t) => {
  const none = await runTask('report', common);
  t.equal(none.exitCode, 2);
  t.match(none.stderr, /^error: cannot write the page: no file is named\nhint: such as: --out/m);
  const nowhere = await runTask('report', ['--out', '/nonexistent/page.html', ...common]);
  t.not(nowhere.exitCode, 0);
  t.match(nowhere.stderr, /^error: cannot write \/nonexistent\/page\.html/m);
});

t.test('status is a line a host, and its exit code that of validate', async (t) => {
  const all = await runTask('status', common);
  t.equal(all.exitCode, 5);
  t.equal(all.exitCode, (await runTask('validate', common)).exitCode);
  t.match(
    all.stdout,
    /^host +last good +age +size +copies +drill +what is wrong\ndb1 .* 2\/2 .* nothing\ndb2 .* stale, /,
  );
  t.notOk(all.stdout.includes('\u001b'), 'no colour without a terminal');
  const one = await runTask('status', ['db1', '--json', ...common]);
  t.equal(one.exitCode, 0);
  const { data } = JSON.parse(one.stdout.trimEnd().split('\n').at(-1) ?? '');
  t.match(data, { exitCode: 0, hosts: [{ host: 'db1', standing: 'good', state: 'fresh', provisioned: null }] });
  t.equal(data.hosts.length, 1);
  const unknown = await runTask('status', ['db9', ...common]);
  t.equal(unknown.exitCode, 2);
  t.match(unknown.stderr, /^error: cannot find the host "db9"/m);
});
