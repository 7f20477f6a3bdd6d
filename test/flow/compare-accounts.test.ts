import t from 'tap';
import { DumpReader } from '../../lib/archive/dump-reader.ts';
import type { Piece } from '../../lib/archive/piece.ts';
import { dumpAccounts } from '../../lib/database/dump-database.ts';
import { readPublicGrants, withPublicGrants } from '../../lib/database/public-grants.ts';
import { compareAccounts } from '../../lib/flow/compare-accounts.ts';
import { bytesOf, collect } from '../bytes.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const server = await serverFor(t, {});
await runSql(
  server,
  `CREATE DATABASE \`sh'op\`; CREATE TABLE \`sh'op\`.t (a INT, \`b\`\`)\` INT); CREATE TABLE \`sh'op\`.gone (a INT);
   CREATE PROCEDURE \`sh'op\`.p() SELECT 1;
   CREATE ROLE reader; CREATE ROLE other; GRANT reader TO other; CREATE USER 'o''dd'@'10.%' IDENTIFIED BY 'demo-only';
   CREATE USER plain@localhost; CREATE USER tls@'%' IDENTIFIED BY 'demo-only' REQUIRE SSL WITH MAX_USER_CONNECTIONS 3 ACCOUNT LOCK;
   GRANT reader TO 'o''dd'@'10.%' WITH ADMIN OPTION; SET DEFAULT ROLE reader FOR 'o''dd'@'10.%'; GRANT SELECT ON \`sh'op\`.* TO reader;
   GRANT SELECT (a, \`b\`\`)\`), INSERT, UPDATE (a) ON \`sh'op\`.t TO plain@localhost WITH GRANT OPTION;
   GRANT SELECT (a) ON \`sh'op\`.gone TO plain@localhost; GRANT EXECUTE ON PROCEDURE \`sh'op\`.p TO plain@localhost;
   GRANT PROXY ON plain@localhost TO tls@'%'; GRANT SHOW DATABASES, CREATE USER ON *.* TO tls@'%';
   GRANT INSERT ON \`sh'op\`.t TO PUBLIC;`,
);

async function* piecesOf(dump: Buffer): AsyncGenerator<Piece> {
  const reader = new DumpReader({ splitsTables: true });
  for await (const chunk of bytesOf(dump)) yield* reader.push(chunk);
  yield* reader.end();
}

const grants = await readPublicGrants(server.root, '10.11.0');
const backup = await collect(withPublicGrants(await dumpAccounts(server.root), grants));
const compare = async () => (await compareAccounts(piecesOf(backup), server.root)).differences;

t.test('accounts that are all there, and others beside them, are no difference', async (t) => {
  t.same(await compare(), []);
  await runSql(server, "CREATE USER more@localhost; GRANT DELETE ON `sh'op`.t TO plain@localhost;");
  t.same(await compare(), []);
});

t.test('a privilege that covers another one is no difference', async (t) => {
  await runSql(server, "GRANT SELECT, UPDATE ON `sh'op`.t TO plain@localhost; GRANT ALL ON *.* TO tls@'%';");
  t.same(await compare(), []);
});

t.test('a grant on what is not there has been told of already', async (t) => {
  await runSql(server, "REVOKE ALL ON `sh'op`.gone FROM plain@localhost; DROP TABLE `sh'op`.gone;");
  t.same(await compare(), []);
});

t.test('all that is missing is said, and no hash with it', async (t) => {
  await runSql(
    server,
    `REVOKE INSERT, SELECT, SELECT (a, \`b\`\`)\`), GRANT OPTION ON \`sh'op\`.t FROM plain@localhost;
     REVOKE EXECUTE ON PROCEDURE \`sh'op\`.p FROM plain@localhost; REVOKE INSERT ON \`sh'op\`.t FROM PUBLIC;
     REVOKE reader FROM other; REVOKE ADMIN OPTION FOR reader FROM 'o''dd'@'10.%'; ALTER USER tls@'%' IDENTIFIED BY 'another';
     SET DEFAULT ROLE NONE FOR 'o''dd'@'10.%';
     REVOKE ALL ON *.* FROM tls@'%'; REVOKE PROXY ON plain@localhost FROM tls@'%'; GRANT CREATE USER ON *.* TO tls@'%';`,
  );
  const found = await compare();
  t.strictSame([...found].sort(), [
    "PUBLIC lacks INSERT on `sh'op`.`t`",
    "`o'dd`@`10.%` lacks ADMIN OPTION on the role `reader`, the default role `reader`",
    '`other` lacks the role `reader`',
    "`plain`@`localhost` lacks EXECUTE on PROCEDURE `sh'op`.`p`",
    "`plain`@`localhost` lacks GRANT OPTION, INSERT, SELECT (`a`), SELECT (`b``)`) on `sh'op`.`t`",
    '`tls`@`%` lacks PROXY on `plain`@`localhost`',
    '`tls`@`%` lacks SHOW DATABASES on *.*',
    'the account `tls`@`%` has another password, or another way to log in',
  ]);
  await runSql(server, "DROP USER 'o''dd'@'10.%', plain@localhost; DROP ROLE other;");
  const gone = await compare();
  t.match(gone.join('; '), "the account `o'dd`@`10.%` is missing");
  t.match(gone.join('; '), 'the role `other` is missing');
  t.notMatch(gone.join('; '), /\*[0-9A-F]{40}|`plain`@`localhost` lacks/);
});
