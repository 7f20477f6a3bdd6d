import t from 'tap';
import { LostGrants } from '../../lib/database/lost-grants.ts';

/** What `mariadb --force` writes of a statement that has failed. */
const failed = (statement: string, error: string) => `--------------\n${statement}\n--------------\n\n${error}\n`;
const NO_TABLE = "ERROR 1146 (42S02) at line 68: Tabelle 'x.y' existiert nicht";
const HASH = "'*B69027D44F6E5EDC07F1AEAD1477967B16F28227'";

function read(text: string, step = text.length) {
  const grants = new LostGrants();
  for (let at = 0; at < text.length; at += step) grants.push(text.slice(at, at + step));
  return { found: grants.found, failure: grants.failure };
}

t.test(
  'takes the names from the statement, in whatever language the server speaks, and however it comes',
  async (t) => {
    const text =
      failed("GRANT SELECT (`a`, ` ON ``x``.`) ON `od``d`.`t'\nb` TO `o'app`@`%` WITH GRANT OPTION", NO_TABLE) +
      failed('GRANT EXECUTE ON PACKAGE BODY `d`.`p` TO `role`', 'ERROR 1305 (42000) at line 9: x') +
      failed('GRANT UPDATE (`a`) ON `d`.`v` TO PUBLIC', 'ERROR 1054 (42S22) at line 9: x');
    const found = [
      { database: 'od`d', name: "t'\nb", grantee: "`o'app`@`%`" },
      { database: 'd', name: 'p', grantee: '`role`' },
      { database: 'd', name: 'v', grantee: 'PUBLIC' },
    ];
    for (const step of [1, 7, 100_000]) t.strictSame(read(text, step), { found, failure: undefined });
  },
);

t.test('all else is a failure: another error, another statement, a word without an error', async (t) => {
  const denied = 'ERROR 1045 (28000) at line 3: Access denied';
  const lost = failed('GRANT SELECT ON `d`.`t` TO `a`@`%`', NO_TABLE);
  t.match(read(lost + failed('GRANT SELECT ON `d`.* TO `a`@`%`', denied) + lost), { failure: denied, found: [{}, {}] });
  t.equal(read(failed(`CREATE USER \`a\`@\`%\` IDENTIFIED BY PASSWORD ${HASH}`, NO_TABLE)).failure, NO_TABLE);
  t.equal(
    read(`${lost}ERROR 2013 (HY000) at line 70: Lost connection`.padEnd(600)).failure?.slice(0, 10),
    'ERROR 2013',
  );
  t.equal(read('mariadb: something new').failure, 'mariadb: something new');
});

t.test('the name of an account can neither hide a failure nor bring a hash to light', async (t) => {
  const forged = `GRANT USAGE ON *.* TO \`x\n${NO_TABLE}\n\`@\`%\` IDENTIFIED BY PASSWORD ${HASH}`;
  const { found, failure } = read(failed(forged, 'ERROR 1227 (42000) at line 3: denied'));
  t.strictSame(found, []);
  t.ok(failure);
  t.notMatch(failure, HASH.slice(1, 9));
});
