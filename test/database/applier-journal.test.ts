import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  readStoppedAppliers,
  startStopped,
  stoppedAppliersPath,
  whileStopped,
} from '../../lib/database/applier-journal.ts';
import { startedAppliers } from '../../lib/database/applier-resource.ts';
import { execute } from '../../lib/database/client.ts';
import { readReplicaSources } from '../../lib/database/replica-sources.ts';
import { makeFolder } from '../../lib/system/files.ts';
import { lockOrThrow } from '../../lib/system/lock.ts';
import { accountHost, converge } from '../fixture/account.ts';
import { accountOn, replicaPair, until } from '../fixture/replica-pair.ts';

const { primary, replica } = await replicaPair(t);
const host = await accountHost(t, replica, {}, { name: 'db2', replicaOf: 'db1' });
const state = host.state.path;
await makeFolder(state);
const journal = stoppedAppliersPath(state);
const applying = async () => (await readReplicaSources(replica.root))[0]?.applying === true;
const stopped = { by: 'the run R', names: [''] };
const never = (error: unknown) => t.fail(`cannot start: ${(error as Error).message}`);

/** A run that is killed while nothing is applied. */
async function killedRun(): Promise<void> {
  const script = new URL('../fixture/stop-appliers.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import=tsx', script, replica.socket, state], { stdio: 'ignore' });
  await until('it has stopped it', async () => !(await applying()));
  child.kill('SIGKILL');
  await once(child, 'exit');
}

t.test('nothing is applied while the work lasts, and it goes on after it, whatever came of it', async (t) => {
  const account = await accountOn(replica, 'bkp', 'SLAVE MONITOR, REPLICATION SLAVE ADMIN');
  await until('it follows', applying);
  const work = async () => {
    t.notOk(await applying());
    t.strictSame(await readStoppedAppliers(state), stopped, 'it is written down');
    return 7;
  };
  t.equal(await whileStopped(account, state, stopped, work, never), 7);
  t.ok(await applying());
  t.notOk(existsSync(journal));
  const failing = () => Promise.reject(new Error('the dump failed'));
  await t.rejects(whileStopped(account, state, stopped, failing, never), { message: 'the dump failed' });
  t.ok(await applying());
  t.notOk(existsSync(journal));
});

t.test('an account that may not stop it is refused, and nothing is stopped', async (t) => {
  const account = await accountOn(replica, 'weak', 'SLAVE MONITOR');
  const errors: unknown[] = [];
  await t.rejects(
    whileStopped(
      account,
      state,
      stopped,
      async () => t.fail('it works on'),
      (error) => errors.push(error),
    ),
    { code: 'account-lacks-privilege' },
  );
  t.ok(await applying());
  t.equal(errors.length, 1);
  await startStopped(replica.root, state);
});

t.test('after SIGKILL the next run starts it', async (t) => {
  await killedRun();
  t.notOk(await applying(), 'it stands still');
  t.ok(existsSync(journal));
  t.strictSame(await startStopped(replica.root, state), stopped);
  t.ok(await applying());
  t.notOk(existsSync(journal));
  t.equal(await startStopped(replica.root, state), undefined);
});

t.test('after SIGKILL provisioning tells it, and starts it; not while a run is under way', async (t) => {
  await killedRun();
  const resource = startedAppliers(host);
  const run = await lockOrThrow(join(state, 'run.lock'), { doing: 'a run', since: 'now' });
  t.strictSame(await converge([resource]), []);
  t.notOk(await applying(), "a run's own business");
  await run.release();
  t.strictSame(await converge([resource]), ['+the SQL thread runs (the run R had left it stopped)']);
  t.ok(await applying());
  t.equal(await resource.inspect(), undefined);
});

t.test('what cannot be started stays written down, and is told by its number', async (t) => {
  await execute(primary.root, 'CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY)');
  await until('it arrives', async () =>
    execute(replica.root, 'SET sql_log_bin = 0; INSERT INTO shop.t VALUES (1)').then(
      () => true,
      () => false,
    ),
  );
  const errors: unknown[] = [];
  const work = () => execute(primary.root, 'INSERT INTO shop.t VALUES (1)');
  await whileStopped(replica.root, state, stopped, work, (error) => errors.push(error)).catch(() => undefined);
  if (errors.length === 0) {
    // It ran for a moment, and failed on the row afterwards.
    await until('it fails', async () => !(await applying()));
    writeFileSync(journal, JSON.stringify(stopped));
  }
  await t.rejects(startStopped(replica.root, state), {
    code: 'replica-broken',
    message: /cannot start the SQL thread for 127.0.0.1:\d+ again: it stops with error 1062/,
  });
  t.ok(existsSync(journal));
  await execute(replica.root, 'SET sql_log_bin = 0; DELETE FROM shop.t');
  await startStopped(replica.root, state);
  t.ok(await applying());
});

t.test('a connection that is there no more is left, and a file that says nothing is no licence', async (t) => {
  writeFileSync(journal, JSON.stringify({ ...stopped, names: ['gone'] }));
  await startStopped(replica.root, state);
  t.notOk(existsSync(journal));
  writeFileSync(journal, '{}');
  await t.rejects(startStopped(replica.root, state), { code: 'verification-failed', hint: /START ALL SLAVES/ });
});
