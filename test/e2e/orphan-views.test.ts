import t from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import { recoverByHand } from '../../lib/flow/recover-by-hand.ts';
import { writeDurably } from '../../lib/system/files.ts';
import { OFFSITE, runsAt } from '../fixture/nothing-half-done.ts';
import { serverFor } from '../fixture/servers.ts';
import { eventsOf } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

/* Somebody has left, and with the account everything that ran as it: what is left of it is no reason to have no backup. */

t.setTimeout(120_000);
const world = await worldFor(t, { shopRows: 1 });
await execute(
  world.server.root,
  `CREATE USER ghost@localhost; GRANT ALL ON *.* TO ghost@localhost; CREATE TABLE shop.a (n INT); INSERT INTO shop.a VALUES (7);
   CREATE DEFINER=ghost@localhost VIEW shop.haunted AS SELECT n + 1 AS n FROM shop.a;
   CREATE DEFINER=ghost@localhost VIEW crm.far AS SELECT n FROM shop.a;
   CREATE DEFINER=ghost@localhost TRIGGER shop.t BEFORE INSERT ON shop.a FOR EACH ROW SET NEW.n = 1;
   CREATE DEFINER=ghost@localhost PROCEDURE shop.p() SELECT 1; DROP USER ghost@localhost`,
);
const definer = 'ghost@localhost';

t.test('a run with views that nobody can read is whole, and says which they are', async (t) => {
  const ended = await world.task('backup', ['--json']);
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  t.match(
    eventsOf(ended).filter(({ event }) => event === 'warning'),
    [
      {
        text: /their definer ghost@localhost is no account any more; they are in the backup all the same: .*`shop`\.`haunted`/,
      },
    ],
  );
});

t.test('it is restored, the same, over what is there, and beside it', async (t) => {
  const fresh = await serverFor(t);
  const into = ['--socket', fresh.socket, '--defaults-file', world.adminOptions];
  const first = await world.restore(into);
  t.equal(first.exitCode, 0, first.stdout + first.stderr);
  t.match(first.stdout, /^crm .* the same$/m);
  t.match(first.stdout, /^shop .* the same$/m);
  t.match(first.stderr, /what runs as one who is not there fails when it is used: ghost@localhost \(3 objects\)/);
  t.strictSame(await definers(fresh), [definer, definer]);
  const again = await world.restore([...into, '--database', 'shop', '--overwrite', 'shop']);
  t.equal(again.exitCode, 0, again.stdout + again.stderr);
  await execute(fresh.root, 'CREATE USER ghost@localhost; GRANT ALL ON *.* TO ghost@localhost');
  t.strictSame(await queryLines(fresh.root, 'SELECT n FROM shop.haunted'), ['8'], 'as good as new with the account');
});

t.test('the commands of its RECOVERY.txt get over it too', async (t) => {
  const fresh = await serverFor(t);
  const clientOptions = world.at('fresh.cnf');
  await writeDurably(clientOptions, `[client]\nuser = root\nsocket = "${fresh.socket}"\n`, 0o600);
  const [newest = ''] = await runsAt(world, OFFSITE);
  await recoverByHand({
    runFolder: world.at(OFFSITE, newest),
    ...{ recipient: 'escrow', privateKeyPath: world.keys.escrow, passphrase: world.keys.passphrase, clientOptions },
  });
  t.strictSame(await definers(fresh), [definer, definer]);
});

const definers = (server: { readonly root: typeof world.server.root }) =>
  queryLines(server.root, "SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA IN ('shop', 'crm')");
