import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { cronEntry, cronMayBeLooking } from '../../lib/host/cron-entry.ts';
import { TASK_PATH } from '../../lib/host/nightly-task.ts';
import { renderCronEntry } from '../../lib/host/render-cron-entry.ts';
import { HostName } from '../../lib/model/names.ts';
import type { Resource } from '../../lib/model/plan.ts';
import { temporaryFolder } from '../temporary.ts';

const task = {
  host: HostName.parse('db1'),
  schedule: '0 4 * * *',
  user: userInfo().username,
  words: ['/opt/coffre', 'backup'],
  zone: 'UTC',
};
const text = renderCronEntry(task);

async function settle(resource: Resource) {
  const change = await resource.inspect();
  if (change) await resource.apply(change);
  return change;
}

t.test('a cron entry', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const path = join(folder, 'cron.d', 'coffre');
  const entry = cronEntry({ path, desired: { kind: 'present', text } });
  const absent = cronEntry({ path, desired: { kind: 'absent' } });

  await t.test('is made with its folder, and needs nothing the second time', async (t) => {
    const change = await settle(entry);
    t.match(change, { action: 'create', kind: 'cron-entry', name: path });
    t.strictSame(change?.lines.join('\n'), `+${text.trimEnd().replaceAll('\n', '\n+')}`);
    t.equal(readFileSync(path, 'utf8'), text);
    t.equal(await entry.inspect(), undefined);
    t.strictSame(readdirSync(join(folder, 'cron.d')), ['coffre']);
  });

  await t.test('shows what somebody changed by hand, and mends it under a new time', async (t) => {
    const secret = 'TOKEN=swordfish\nMAILTO="ops@example.net"\n';
    writeFileSync(path, secret + text.replace('0 4 *', '0 5 *'));
    chmodSync(path, 0o664);
    const before = statSync(path).mtimeMs;
    const change = await settle(entry);
    t.match(change, { action: 'change' });
    for (const line of ['-mode 0664', '+mode 0644', '-TOKEN=…', '-MAILTO="ops@example.net"', ` PATH=${TASK_PATH}`]) {
      t.ok(change?.lines.includes(line), line);
    }
    t.equal(change?.lines.filter((line) => line.includes(' * * * ')).length, 2);
    t.notMatch(change?.lines.join('\n'), /swordfish/);
    t.equal(await entry.inspect(), undefined);
    const after = statSync(path).mtimeMs;
    t.not(Math.floor(after / 1000), Math.floor(before / 1000), 'cron knows a file by its time in seconds');
  });

  await t.test('takes the place of a link, whatever that points to', async (t) => {
    await settle(absent);
    writeFileSync(join(folder, 'elsewhere'), text);
    symlinkSync('../elsewhere', path);
    t.match(await settle(entry), { action: 'change', lines: ['-a link', '+a regular file'] });
    t.equal(readFileSync(join(folder, 'elsewhere'), 'utf8'), text);
    t.equal(await entry.inspect(), undefined);
  });

  await t.test('is the same whatever the umask', async (t) => {
    await settle(absent);
    const umask = process.umask(0o077);
    t.teardown(() => process.umask(umask));
    await settle(entry);
    t.equal(await entry.inspect(), undefined);
    t.equal(statSync(path).mode & 0o777, 0o644);
  });

  await t.test('finishes what a killed one left', async (t) => {
    writeFileSync(`${path}.partial`, 'half a li');
    writeFileSync(path, '');
    await settle(entry);
    t.strictSame(readdirSync(join(folder, 'cron.d')), ['coffre']);
    t.equal(await entry.inspect(), undefined);
  });

  await t.test('is taken away, and then there is nothing to take', async (t) => {
    t.match(await settle(absent), {
      action: 'remove',
      lines: text
        .trimEnd()
        .split('\n')
        .map((line) => `-${line}`),
    });
    t.notOk(existsSync(path));
    t.equal(await absent.inspect(), undefined);
  });

  await t.test('leaves a folder of that name alone', async (t) => {
    mkdirSync(path, { recursive: true });
    for (const one of [entry, absent]) await t.rejects(one.inspect(), { code: 'refused', message: /a folder/ });
    t.ok(existsSync(path));
  });
});

t.test('is never written where, or as, cron would ignore it', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const refuse = async (name: string, content: string, why: RegExp) => {
    const path = join(folder, name);
    const entry = cronEntry({ path, desired: { kind: 'present', text: content } });
    await t.rejects(settle(entry), { code: 'refused', message: why, hint: /inventory/ });
    t.strictSame(readdirSync(folder), [], name);
  };
  await refuse('coffre.cron', text, /its name/);
  await refuse('coffre', text.trimEnd(), /no newline/);
  await refuse('coffre', '0 4 * * * nosuchuser true\n', /no user "nosuchuser"/);
  await refuse('coffre', `${text}MAILTO=\n`, /MAILTO/);
});

t.test("the daemon's own folder is root's alone", async (t) => {
  const path = '/etc/cron.d/../cron.d/coffre-that-nobody-has';
  const entry = cronEntry({ path, desired: { kind: 'present', text }, uid: 1000 });
  await t.rejects(entry.inspect(), { code: 'refused', message: /only root/, hint: /sudo/ });
  t.equal(await cronEntry({ path, desired: { kind: 'absent' }, uid: 1000 }).inspect(), undefined);
});

t.test('cron looks in the first seconds of a minute', async (t) => {
  t.ok(cronMayBeLooking(Date.parse('2026-11-22T04:00:00.010Z')));
  t.notOk(cronMayBeLooking(Date.parse('2026-11-22T04:00:03Z')));
  t.notOk(cronMayBeLooking(Date.parse('2026-11-22T04:00:59.999Z')));
});
