import t from 'tap';
import { withLogins } from '../../lib/archive/account-logins.ts';
import { bytesOf, collect } from '../bytes.ts';

const DUMP = `-- a comment; GRANT
/*!40101 SET NAMES utf8mb4 */;
CREATE USER IF NOT EXISTS \`root\`@\`localhost\` IDENTIFIED BY PASSWORD '*81F5' REQUIRE SSL;
CREATE USER IF NOT EXISTS \`open\`@\`%\`;
CREATE USER IF NOT EXISTS \`ö;pen\`@\`%\` REQUIRE SSL;
/*M!100005 CREATE ROLE IF NOT EXISTS 'staff' */;
GRANT mariadb_dump_import_role TO CURRENT_USER();
/*M!100005 GRANT 'staff' TO 'root'@'localhost' */;
GRANT ALL PRIVILEGES ON *.* TO \`root\`@\`localhost\` IDENTIFIED VIA mysql_native_password USING 'in; WITH' OR unix_socket WITH GRANT OPTION;
GRANT USAGE ON *.* TO \`root\`@\`::1\` IDENTIFIED BY PASSWORD '*81F5' REQUIRE SSL;
GRANT USAGE ON *.* TO \`app\`@\`%\` IDENTIFIED BY PASSWORD '*81F5';
GRANT SELECT (\`IDENTIFIED\`) ON \`TO\`.\`IDENTIFIED\` TO \`root\`@\`localhost\`;
GRANT USAGE ON *.* TO \`open\`@\`%\`;
`;

async function changed(kept: readonly string[], emptied: readonly string[], size: number): Promise<string> {
  async function* dump() {
    const bytes = Buffer.from(DUMP);
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return (await collect(withLogins(dump(), { kept: new Set(kept), emptied: new Set(emptied) }))).toString();
}

t.test('is the same for accounts that are not there', async (t) => {
  for (const size of [1, 7, 100_000]) t.equal(await changed(['`root`@`%`'], ['`app`@`%`'], size), DUMP);
  t.equal((await collect(withLogins(bytesOf(Buffer.alloc(0)), { kept: new Set(), emptied: new Set() }))).length, 0);
});

t.test(
  'who keeps how it logs in gets its grants alone, and who has no password in the dump loses that of before',
  async (t) => {
    const kept = ['`root`@`localhost`', '`root`@`::1`'];
    const emptied = ['`open`@`%`', '`ö;pen`@`%`', '`app`@`%`', '`root`@`localhost`'];
    const expected = DUMP.replace(` IDENTIFIED VIA mysql_native_password USING 'in; WITH' OR unix_socket`, '')
      .replace("`::1` IDENTIFIED BY PASSWORD '*81F5' REQUIRE", '`::1` REQUIRE')
      .replace('`open`@`%`;', "`open`@`%`;\nALTER USER `open`@`%` IDENTIFIED BY '';")
      .replace('`ö;pen`@`%` REQUIRE SSL;', "`ö;pen`@`%` REQUIRE SSL;\nALTER USER `ö;pen`@`%` IDENTIFIED BY '';");
    for (const size of [1, 7, 100_000]) t.equal(await changed(kept, emptied, size), expected);
  },
);
