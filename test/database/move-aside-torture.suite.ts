import t from 'tap';
import { asideName } from '../../lib/database/aside.ts';
import { query } from '../../lib/database/client.ts';
import { inspectMovable } from '../../lib/database/movable.ts';
import { moveAside } from '../../lib/database/move-aside.ts';
import { putBack } from '../../lib/database/put-back.ts';
import { countObjects } from '../../lib/database/read-objects.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { runSql, serverFor } from '../fixture/servers.ts';
import { TYPE_TORTURE } from '../fixture/type-torture.sql.ts';

/* Everything that a dump can damage, moved out of the way and back. */

t.setTimeout(600_000);

t.test('every database of the torture can be moved aside, and comes back as it was', async (t) => {
  const server = await serverFor(t, { extra: ['--character-set-server=utf8mb4', '--max-allowed-packet=1G'] });
  await runSql(server, TYPE_TORTURE);
  const names = [...(await countObjects((sql, row) => query(server.root, sql, row), [])).keys()];
  t.ok(names.length > 10);
  for (const database of names) {
    t.match(await inspectMovable(server.root, [database]), [{ database, obstacles: [] }]);
    const before = await readContent(server.root, [database]);
    const name = asideName(database, new Date());
    await moveAside(server.root, { name, database, run: 'x' });
    await putBack(server.root, name, { standing: 'stays' });
    t.strictSame(compareContent(before, await readContent(server.root, [database])), [], database);
  }
});
