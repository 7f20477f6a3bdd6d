import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { renderTimer } from '../../lib/host/render-timer.ts';
import type { Systemctl } from '../../lib/host/systemctl.ts';
import { timer } from '../../lib/host/timer.ts';
import { HostName } from '../../lib/model/names.ts';
import type { Resource } from '../../lib/model/plan.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { temporaryFolder } from '../temporary.ts';

const task = {
  host: HostName.parse('db1'),
  schedule: '0 4 13 * fri',
  user: 'root',
  words: ['/bin/echo', 'backup', 'a b', '100%', '$HOME', '"\\'],
  zone: 'Europe/Paris',
};
const units = renderTimer(task);
const analyze = findProgram('systemd-analyze');
const noAnalyze = analyze ? false : 'systemd-analyze is missing: apt-get install --no-install-recommends systemd';
const notRoot = process.getuid?.() === 0 ? false : 'the units belong to root';

t.test('the units say what runs, and when', async (t) => {
  t.equal(
    units.service,
    `# Written by coffre for db1. What is changed here by hand is overwritten: change the inventory instead.
# Times are those of this host's own time zone, Europe/Paris.
[Unit]
Description=Encrypted backup of MariaDB

[Service]
Type=oneshot
User=root
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=:"/bin/echo" "backup" "a b" "100%%" "$HOME" "\\"\\\\"
`,
  );
  t.match(units.timer, /\[Timer\]\nOnCalendar=\*-\*-13 04:00:00\nOnCalendar=Fri \*-\*-\* 04:00:00\nAccuracySec=1s\n/);
  t.throws(() => renderTimer({ ...task, schedule: '@daily' }), { code: 'inventory' });
  t.throws(() => renderTimer({ ...task, words: ['/x', 'a\nExecStart=/bin/id'] }), { code: 'refused' });
  t.throws(() => renderTimer({ ...task, user: 'root\nExecStart=/bin/id' }), { code: 'refused' });
});

t.test('systemd finds nothing wrong with them', { skip: noAnalyze }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const verify = (service: string) => {
    writeFileSync(join(folder, 'coffre.service'), service);
    writeFileSync(join(folder, 'coffre.timer'), units.timer);
    const paths = ['coffre.service', 'coffre.timer'].map((name) => join(folder, name));
    return spawnSync(analyze ?? '', ['verify', '--man=no', ...paths], { encoding: 'utf8', env: { LC_ALL: 'C.UTF-8' } });
  };
  t.match(verify(units.service), { status: 0, stderr: '' });
  t.not(verify(units.service.replace('oneshot', 'none')).stderr, '', 'it does look');

  // It repeats the name of a program that it does not run, after the word is read: so it tells what it makes of a word.
  const word = fc.string({ unit: fc.constantFrom(...'\\%\'"$`( );#{}a\té\u0007h~-='), minLength: 1, maxLength: 12 });
  for (const text of fc.sample(word, 8)) {
    const path = `/no-such-folder/x${text}x`;
    const { stderr } = verify(renderTimer({ ...task, words: ['/bin/echo', path] }).service.replace('"/bin/echo" ', ''));
    const named = [`Command ${path} is not executable`, `name contains special characters: ${path}\n`];
    t.ok(
      named.some((part) => stderr.includes(part)),
      JSON.stringify([text, stderr]),
    );
    const taken = verify(renderTimer({ ...task, words: ['/bin/echo', path] }).service);
    t.match(taken, { status: 0, stderr: '' }, 'and takes it as an argument');
  }
  for (const path of ['/a"b', "/a'b", '/a\\b', '/a\u0007b']) {
    t.throws(() => renderTimer({ ...task, words: [path] }), { code: 'refused', message: /systemd runs no program/ });
  }
});

/** Says what systemctl would, for a manager that obeys, and keeps what it was asked. */
function obedientManager() {
  const asked: string[] = [];
  const state = { UnitFileState: '', ActiveState: 'inactive', NeedDaemonReload: 'no', ofService: 'no' };
  const systemctl: Systemctl = async (args) => {
    const [verb] = args;
    if (verb !== 'show') asked.push(args.join(' '));
    if (verb === 'enable') state.UnitFileState = 'enabled';
    if (verb === 'restart') state.ActiveState = 'active';
    if (verb === 'stop' || verb === 'disable') state.ActiveState = 'inactive';
    if (verb === 'daemon-reload') state.NeedDaemonReload = state.ofService = 'no';
    const { ofService, ...ofTimer } = state;
    const timerBlock = Object.entries(ofTimer).map((pair) => pair.join('='));
    const stdout = `${timerBlock.join('\n')}\n\nUnitFileState=static\nActiveState=inactive\nNeedDaemonReload=${ofService}\n`;
    return { exitCode: 0, stdout: verb === 'show' ? stdout : '', stderr: '' };
  };
  return { asked, state, systemctl };
}

async function settle(resource: Resource) {
  const change = await resource.inspect();
  if (change) await resource.apply(change);
  return change;
}

const STARTED = ['daemon-reload', 'enable coffre.timer', 'restart coffre.timer'];

t.test('a timer', { skip: notRoot }, async (t) => {
  const { path: unitFolder, remove } = temporaryFolder();
  t.teardown(remove);
  const { asked, state, systemctl } = obedientManager();
  const present = timer({ unitFolder, desired: { kind: 'present', ...units }, systemctl });
  const absent = timer({ unitFolder, desired: { kind: 'absent' }, systemctl });
  const at = (name: string) => join(unitFolder, name);

  await t.test('is written, enabled and started, and needs nothing the second time', async (t) => {
    const change = await settle(present);
    t.match(change, { action: 'create', kind: 'timer', name: at('coffre.timer') });
    t.ok(change?.lines.includes('+OnCalendar=*-*-13 04:00:00'));
    t.equal(readFileSync(at('coffre.service'), 'utf8'), units.service);
    t.strictSame(asked.splice(0), STARTED);
    t.equal(await present.inspect(), undefined);
  });

  await t.test('shows and mends what somebody changed', async (t) => {
    const drifts: [() => void, string][] = [
      [() => writeFileSync(at('coffre.timer'), units.timer.replace('13', '14')), '-OnCalendar=*-*-14 04:00:00'],
      [() => chmodSync(at('coffre.service'), 0o666), '-mode 0666'],
      [() => rmSync(at('coffre.service')), '+User=root'],
      [() => mkdirSync(at('coffre.timer.d')), '-coffre.timer.d/'],
      [() => (state.UnitFileState = 'disabled'), '-UnitFileState: disabled'],
      [() => (state.ActiveState = 'inactive'), '-ActiveState: inactive'],
      [() => (state.NeedDaemonReload = 'yes'), '-NeedDaemonReload: yes'],
      [() => (state.ofService = 'yes'), '-NeedDaemonReload: yes'],
    ];
    for (const [spoil, line] of drifts) {
      spoil();
      const change = await settle(present);
      t.match(change, { action: 'change' }, line);
      t.ok(change?.lines.includes(line), `${line} is in ${change?.lines.join('|')}`);
      t.strictSame(asked.splice(0), STARTED);
      t.equal(await present.inspect(), undefined);
    }
  });

  await t.test('is stopped and taken away with all that belongs to it', async (t) => {
    for (const name of ['coffre.timer.d', 'timers.target.wants']) mkdirSync(at(name));
    writeFileSync(at('timers.target.wants/coffre.timer'), '');
    writeFileSync(at('timers.target.wants/other.timer'), '');
    t.match(await settle(absent), { action: 'remove' });
    t.strictSame(asked.splice(0), ['disable --now coffre.timer', 'daemon-reload']);
    t.strictSame(readdirSync(unitFolder), ['timers.target.wants']);
    t.strictSame(readdirSync(at('timers.target.wants')), ['other.timer']);
    t.equal(await absent.inspect(), undefined);
    state.ActiveState = 'active';
    t.match(await settle(absent), { lines: ['-coffre.timer is active'] });
    t.strictSame(asked.splice(0), ['stop coffre.timer', 'daemon-reload']);
  });

  await t.test('names what systemd refused', async (t) => {
    const broken: Systemctl = async (args) =>
      args[0] === 'enable' ? { exitCode: 1, stdout: '', stderr: 'Unit is masked.\nmore' } : systemctl(args);
    const one = timer({ unitFolder, desired: { kind: 'present', ...units }, systemctl: broken });
    await t.rejects(settle(one), {
      code: 'unexpected',
      message: /enable coffre\.timer: Unit is masked\.$/,
      hint: /journalctl/,
    });
    asked.splice(0);
    t.match(await settle(present), { action: 'change' }, 'the next apply finishes it');
  });
});

t.test('without systemd there is only something to take away', async (t) => {
  const { path: unitFolder, remove } = temporaryFolder();
  t.teardown(remove);
  const options = { unitFolder, systemctl: undefined, uid: 0 };
  await t.rejects(timer({ ...options, desired: { kind: 'present', ...units } }).inspect(), { code: 'program-missing' });
  const absent = timer({ ...options, desired: { kind: 'absent' } });
  t.equal(await absent.inspect(), undefined);
  writeFileSync(join(unitFolder, 'coffre.service'), units.service);
  await t.rejects(timer({ ...options, uid: 1000, desired: { kind: 'absent' } }).inspect(), { code: 'refused' });
  t.match(await settle(absent), { action: 'remove' });
  t.notOk(existsSync(join(unitFolder, 'coffre.service')));
});
