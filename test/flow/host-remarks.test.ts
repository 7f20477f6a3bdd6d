import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { formerPathRemarks } from '../../lib/flow/former-paths.ts';
import { hostRemarks } from '../../lib/flow/host-remarks.ts';
import { sliceOf } from '../../lib/flow/slice-of.ts';
import { renderCronEntry } from '../../lib/host/render-cron-entry.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { HostName } from '../../lib/model/names.ts';
import { sftpOffsites } from '../../lib/model/offsite-config.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { inventoryWith } from '../fixture/inventory.ts';

t.test('--remove tells which keys stay, and who has to let them out', async (t) => {
  const folder = t.testdir();
  const inventory = await readInventory(await inventoryWith(t));
  const [host] = inventory.hosts.values();
  const [offsite] = sftpOffsites(host?.offsite ?? []);
  if (!host || !offsite) throw new Error('the example has a host with an offsite');
  const there = join(folder, 'offsite_ed25519');
  const never = join(folder, 'never_made');
  const slice = sliceOf(
    {
      ...host,
      state: { path: join(folder, 'state') },
      offsite: [{ ...offsite, identity: there }],
      audit: { kind: 'git', remote: 'git@git.example.net:audit.git', branch: 'main', identity: never },
    },
    inventory,
  );
  const order = { slice, desired: 'absent', apply: true, accountOrder: null, farEnds: false } as const;
  const remarks = () => hostRemarks({ ...order, otherFolders: {}, controlTimeMs: Date.now() }, systemClock);
  t.strictSame(await remarks(), [], 'nothing is there');
  await writeFile(there, 'a key');
  t.strictSame(await remarks(), [
    {
      text: `${there} stays, a key that still logs in to the offsite ${offsite.name}`,
      hint: `have it let out there (at a contractor: the line coffre:${host.name}), then: rm ${there} ${there}.pub`,
    },
  ]);
  await writeFile(never, 'a key');
  t.match(await remarks(), [{}, { text: `${never} stays, a key that still logs in to the audit repository` }]);
});

const [example] = (await readInventory(await inventoryWith(t))).hosts.values();
if (!example) throw new Error('the example has a host');
const folder = t.testdir();
const at = (...names: string[]) => join(folder, ...names);
const base = { ...example, settings: { path: at('etc') }, scheduler: { ...example.scheduler, cronFile: at('cron') } };

/** `host`, as it was provisioned: its slice, and the folders. */
async function provisioned(host: HostConfig, text = stringify(host)): Promise<void> {
  for (const { path } of [host.state, host.store, host.agent, host.settings]) await mkdir(path, { recursive: true });
  await writeFile(join(host.settings.path, 'host.yaml'), text);
}

const before: HostConfig = {
  ...base,
  ...{
    state: { path: at('state') },
    store: { ...base.store, path: at('sto re') },
    agent: { ...base.agent, path: at('agent') },
  },
};
const after: HostConfig = {
  ...before,
  ...{
    state: { path: at('new/state') },
    store: { ...base.store, path: at('new/store') },
    agent: { ...base.agent, path: at('new/agent') },
  },
};

t.test('every path that was changed, and is still there, is named with what is to be done', async (t) => {
  t.strictSame(await formerPathRemarks(after), [], 'it was never provisioned');
  await provisioned(before);
  t.strictSame(await formerPathRemarks(before), [], 'nothing was changed');
  t.strictSame(await formerPathRemarks(after), [
    {
      text: `${at('state')} stays behind: state.path is ${at('new/state')} now`,
      hint: `the signing key and the host's place in its chain are in it: mv ${at('state')} ${at('new/state')}`,
    },
    {
      text: `${at('sto re')} stays behind: store.path is ${at('new/store')} now`,
      hint: `nothing prunes the runs in it any more, and no restore looks there: move them to ${at('new/store')}, or: rm -r '${at('sto re')}'`,
    },
    {
      text: `${at('agent')} stays behind: agent.path is ${at('new/agent')} now`,
      hint: `nothing runs from it any more: rm -r ${at('agent')}`,
    },
  ]);
  await rm(at('agent'), { recursive: true });
  t.equal((await formerPathRemarks(after)).length, 2, 'what is gone needs nobody');
});

t.test('a cron file of another name goes on starting backups', async (t) => {
  await writeFile(at('cron'), '');
  const moved = { ...before, scheduler: { ...before.scheduler, cronFile: at('cron2') } };
  t.match(await formerPathRemarks(moved), [{ text: /cron stays behind/, hint: /cron still starts a backup by it/ }]);
});

t.test('the former settings folder is known by the cron entry that names it', async (t) => {
  const settings = at("it's 100% odd");
  await provisioned({ ...before, settings: { path: settings } });
  const words = ['/opt/coffre/current/coffre', 'backup', '--inventory', settings];
  const task = { host: before.name, schedule: '0 4 * * *', user: 'root', words, zone: 'UTC' };
  await writeFile(at('cron'), renderCronEntry(task));
  const moved = { ...before, settings: { path: at('elsewhere/etc') } };
  t.match(await formerPathRemarks(moved), [{ text: `${settings} stays behind: settings.path is` }]);
});

t.test('what another host left, or what cannot be read, says nothing', async (t) => {
  await provisioned({ ...before, name: HostName.parse('other') });
  t.strictSame(await formerPathRemarks(after), []);
  for (const text of ['', 'state: 7', `name: ${before.name}\nstate: [x]\nagent: {path: 7}`, '\0{{']) {
    await provisioned(before, text);
    t.strictSame(await formerPathRemarks(after), [], JSON.stringify(text));
  }
  await rm(dirname(at('etc/host.yaml')), { recursive: true });
  await writeFile(at('cron'), '* * * * * root x --inventory\n');
  t.strictSame(await formerPathRemarks(after), []);
});
