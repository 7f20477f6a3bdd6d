import t from 'tap';
import { missingPrivileges, NEEDED_PRIVILEGES, neededPrivileges } from '../../lib/database/privileges.ts';

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

t.test('LOCK TABLES is needed only where tables without transactions are to be locked', async (t) => {
  const grants = [`GRANT ${all} ON *.* TO \`b\`@\`%\``];
  t.same(missingPrivileges(grants, neededPrivileges('list')), []);
  t.same(missingPrivileges(grants, neededPrivileges('lock')), ['LOCK TABLES']);
});
