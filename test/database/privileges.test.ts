import t from 'tap';
import { grantStatement, missingPrivileges, NEEDED_PRIVILEGES, privilegesFor } from '../../lib/database/privileges.ts';
import { HostName } from '../../lib/model/names.ts';

const all = NEEDED_PRIVILEGES.join(', ');

t.test('finds nothing missing when all is granted, in one line or several', async (t) => {
  t.same(missingPrivileges([`GRANT ${all} ON *.* TO \`b\`@\`%\` IDENTIFIED BY PASSWORD '*X'`]), []);
  t.same(missingPrivileges(['GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION']), []);
  t.same(missingPrivileges(NEEDED_PRIVILEGES.map((each) => `GRANT ${each} ON *.* TO \`role\``)), []);
});

t.test('names exactly what is missing', async (t) => {
  for (const name of NEEDED_PRIVILEGES) {
    const others = NEEDED_PRIVILEGES.filter((each) => each !== name).join(', ');
    t.same(missingPrivileges([`GRANT ${others} ON *.* TO \`b\`@\`%\``]), [name]);
  }
  t.same(missingPrivileges([]), [...NEEDED_PRIVILEGES]);
});

t.test('counts no grant on one database, and no name that looks like one', async (t) => {
  const lines = [
    `GRANT ${all} ON \`shop\`.* TO \`b\`@\`%\``,
    `GRANT \`ALL PRIVILEGES ON *.* TO x\` TO \`b\`@\`%\``,
    'GRANT USAGE ON *.* TO `b`@`%`',
  ];
  t.same(missingPrivileges(lines), [...NEEDED_PRIVILEGES]);
});

t.test('asks for more on a replica alone, and to stop what applies only where the inventory says so', async (t) => {
  const more = (wish: Parameters<typeof privilegesFor>[0]) => privilegesFor(wish).slice(NEEDED_PRIVILEGES.length);
  t.strictSame(more({}), []);
  t.strictSame(more({ replicaOf: HostName.parse('db1') }), ['SLAVE MONITOR']);
  t.strictSame(more({ replica: { maxLagSeconds: 1, stop: false } }), ['SLAVE MONITOR']);
  const stopping = privilegesFor({ replica: { maxLagSeconds: 1, stop: 'sql-thread' } });
  t.strictSame(stopping.slice(-2), ['SLAVE MONITOR', 'REPLICATION SLAVE ADMIN']);
  t.match(
    grantStatement({ user: 'b', from: '%' }, stopping),
    /RELOAD, PROCESS, SLAVE MONITOR, REPLICATION SLAVE ADMIN ON/,
  );
  t.strictSame(
    missingPrivileges([`GRANT ${NEEDED_PRIVILEGES.join(', ')} ON *.* TO \`b\`@\`%\``], stopping),
    stopping.slice(-2),
  );
});

t.test('LOCK TABLES is needed only where tables without transactions are to be locked', async (t) => {
  const grants = [`GRANT ${all} ON *.* TO \`b\`@\`%\``];
  t.same(missingPrivileges(grants, privilegesFor({ nonTransactional: 'list' })), []);
  t.same(missingPrivileges(grants, privilegesFor({ nonTransactional: 'lock' })), ['LOCK TABLES']);
});
