import t from 'tap';
import { execute } from '../../lib/database/client.ts';
import { tellMissingDefiners } from '../../lib/flow/tell-missing-definers.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const server = await serverFor(t);
await runSql(
  server,
  `CREATE DATABASE shop; CREATE DATABASE crm; USE shop; CREATE TABLE t (a INT); CREATE ROLE keeper; CREATE USER app@'%';
   CREATE DEFINER = app@'%' VIEW v AS SELECT 1; CREATE DEFINER = app@'%' PROCEDURE p() SELECT 1; CREATE DEFINER = root@localhost VIEW own AS SELECT 1;
   CREATE DEFINER = keeper TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1; CREATE DEFINER = app@'%' VIEW crm.v AS SELECT 1;`,
);
const told = async (databases: readonly string[], target = server.root) => {
  const events: FlowEvent[] = [];
  await tellMissingDefiners(target, databases, (event) => events.push(event));
  return events.flatMap((event) => (event.kind === 'warning' ? [`${event.subject}: ${event.text}`] : []));
};

t.test('who is there, an account or a role, is worth no word', async (t) => {
  t.strictSame(await told(['shop', 'crm']), []);
});

t.test('who is gone is told for each database that was restored', async (t) => {
  await execute(server.root, "DROP USER app@'%'; DROP ROLE keeper");
  t.strictSame(await told(['shop']), [
    'shop: what runs as one who is not there fails when it is used: app@% (2 objects), keeper (one object)',
  ]);
  t.match(await told(['shop', 'crm']), [/^crm: .*app@% \(one object\)$/, /^shop: /]);
  t.strictSame(await told([]), []);
});

t.test('who may not see the accounts is told nothing, and nothing fails', async (t) => {
  await execute(server.root, 'CREATE USER lesser@localhost; GRANT SELECT ON shop.* TO lesser@localhost');
  t.strictSame(await told(['shop'], { ...server.root, credentials: { kind: 'no-password', user: 'lesser' } }), []);
});
