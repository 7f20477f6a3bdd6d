import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { CoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { childrenOf } from '../fixture/process-watch.ts';
import { whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { adminOf, restoreWorld } from '../fixture/restore-world.ts';
import { until } from '../until.ts';

/*
 * What ends a restore that control has ordered, in the middle of loading: whoever ordered it, the way there, or the agent. The
 * host ends by itself, drops what it was loading, and removes what was sent to it.
 */

t.setTimeout(600_000);

t.test('ended in the middle', { skip: whyNoProvisioning() }, async (t) => {
  const { world, inventoryFolder, sshd, empty, elsewhere, content } = await restoreWorld(t, { shopRows: 120 });
  const before = await content(world.server.root);
  const uploads = () => readdirSync('/var/tmp').filter((name) => name.startsWith('coffre-upload.'));
  const others = uploads();
  /** The processes of sshd that hold a connection each. */
  const sessions = () => childrenOf(sshd.db2.pid);
  const quiet = async () => {
    await until('nobody is at work over there', () => !atWorkIn(world.folder));
    await until('no upload is left', () => uploads().every((name) => others.includes(name)));
  };
  const only = ['--database=shop'];
  /** Calls `act` once, when a good part of shop is loaded. */
  const atWork = (act: () => void) => {
    let done = false;
    return (event: FlowEvent | { readonly event: string; readonly phase?: string; readonly doneBytes?: unknown }) => {
      const { phase, doneBytes } = event as { phase?: string; doneBytes?: number };
      if (done || phase !== 'load' || doneBytes === undefined) return;
      done = true;
      act();
    };
  };

  for (const from of ['store', world.at('offsite/backups/db1')]) {
    await t.test(`Ctrl-C, from ${from}: what was loaded is dropped`, async (t) => {
      const control = new AbortController();
      const why = new CoffreError('interrupted', 'restore was interrupted');
      const emit = atWork(() => control.abort(why));
      await t.rejects(elsewhere('db2', only, { from, emit, signal: control.signal }), { code: 'interrupted' });
      await quiet();
      t.strictSame(await content(empty.root), {});
    });
  }

  await t.test('control is killed', async (t) => {
    const words = ['db1', '--on', 'db2', '--json', '--defaults-file', adminOf(world), ...only];
    const key = ['--key', world.keys.company, '--passphrase-fd', '0'];
    const killed = await world.task('restore', [...key, ...words], {
      input: `${world.keys.passphrase}\n`,
      inventory: inventoryFolder,
      onEvent: (event, { kill }) => atWork(() => kill('SIGKILL'))(event),
    });
    t.equal(killed.exitCode, null, killed.stdout);
    await quiet();
    t.strictSame(await content(empty.root), {});
  });

  await t.test('the way there breaks', async (t) => {
    const emit = atWork(() => {
      for (const pid of sessions()) process.kill(pid, 'SIGKILL');
    });
    const broken = { code: 'host-unreachable', exitCode: 7, hint: /SHOW DATABASES/ };
    await t.rejects(elsewhere('db2', only, { emit }), broken);
    await quiet();
    t.strictSame(await content(empty.root), {});
  });

  await t.test('the way there swallows everything: neither side waits for ever', async (t) => {
    const frozen: number[] = [];
    const emit = atWork(() => {
      frozen.push(...sessions());
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    });
    const broken = { code: 'host-unreachable', exitCode: 7, hint: /SHOW DATABASES/ };
    await t.rejects(elsewhere('db2', only, { emit }), broken);
    await until('the agent has heard nothing for long enough', () => !atWorkIn(world.folder), 180_000);
    t.strictSame(await content(empty.root), {}, 'it has dropped what it was loading');
    t.equal(frozen.length, 1);
    for (const pid of frozen) process.kill(pid, 'SIGKILL');
    await quiet();
  });

  await t.test('all of it goes well afterwards', async (t) => {
    t.match(await elsewhere('db2', []), { exitCode: 0 });
    t.strictSame(await content(empty.root), before);
  });
});

/** Whether any agent restores with an option file of this folder. */
function atWorkIn(folder: string): boolean {
  return readdirSync('/proc').some((name) => {
    try {
      const words = /^\d+$/.test(name) ? readFileSync(`/proc/${name}/cmdline`, 'utf8') : '';
      return words.includes('verbs/restore.mjs\0') && words.includes(folder);
    } catch {
      return false;
    }
  });
}
