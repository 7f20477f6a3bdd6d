import { chmod, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import * as z from 'zod';
import { execute, query, queryRecords } from '../../lib/database/client.ts';
import { quoteString } from '../../lib/database/sql-text.ts';
import { startThrowawayServer, type ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { makeAuthority } from '../fixture/authority.ts';
import { assertExplained } from '../fixture/nothing-half-done.ts';
import { bareReplica, REPLICATION, until } from '../fixture/replica-pair.ts';
import { worldFor } from '../fixture/world.ts';

/* A new replica of a run follows its primary over TLS, and only the primary that the authority vouches for. */

t.setTimeout(400_000);
const world = await worldFor(t);
const [ours, theirs] = await Promise.all([makeAuthority(world.at('ours')), makeAuthority(world.at('theirs'))]);

/** The world's server once more, with a certificate by that name, listening on 127.0.0.1. */
let primary: ThrowawayServer = world.server;
t.teardown(() => primary.stop());
async function withCertificateFor(name: string): Promise<void> {
  const { certificate, key } = await ours.issue(name);
  await chmod(key, 0o600);
  await primary.stop();
  const extra = [`--ssl-ca=${ours.ca}`, `--ssl-cert=${certificate}`, `--ssl-key=${key}`];
  primary = await startThrowawayServer({ folder: world.server.folder, logBin: true, network: true, extra });
}
await withCertificateFor('IP:127.0.0.1');
await execute(
  primary.root,
  `CREATE USER repl@'127.0.0.1' IDENTIFIED BY ${quoteString(REPLICATION.password)} REQUIRE SSL;
   GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1'; CREATE TABLE crm.visit (id INT PRIMARY KEY)`,
);
await world.goodRun();
const login = world.at('repl.cnf');
await writeFile(login, `[client]\nuser = repl\npassword = "${REPLICATION.password.replace(/["\\]/g, '\\$&')}"\n`, {
  mode: 0o600,
});

function seed(server: ThrowawayServer, ca?: string) {
  const place = ['--primary', `127.0.0.1:${primary.port}`, '--replication-file', login, '--socket', server.socket];
  return world.restore(['--as-replica', ...place, ...(ca === undefined ? [] : ['--primary-ca', ca])]);
}

const statusOf = async ({ root }: ThrowawayServer) => (await queryRecords(root, 'SHOW SLAVE STATUS'))[0];

t.test('by the authority of its certificate it follows, encrypted', async (t) => {
  const server = await bareReplica(t, 61);
  const ended = await seed(server, ours.ca);
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  t.match(ended.stdout, /follows 127\.0\.0\.1:\d+ from the GTID .* and has caught up with it/);
  await execute(primary.root, 'INSERT INTO crm.visit VALUES (1)');
  const Count = z.object({ n: z.int() });
  const arrived = async () =>
    (await query(server.root, "SELECT JSON_OBJECT('n', COUNT(*)) FROM crm.visit", Count))[0]?.n === 1;
  await until('it arrives', arrived);
  const status = await statusOf(server);
  t.equal(status?.get('Master_SSL_Allowed'), 'Yes');
  t.equal(status?.get('Master_SSL_Verify_Server_Cert'), 'Yes');
  t.equal(status?.get('Master_SSL_CA_File'), ours.ca);
});

async function assertRefused(t: Test, number: number, ca: string | undefined, says: RegExp, hint: RegExp) {
  const server = await bareReplica(t, number);
  const ended = await seed(server, ca);
  assertExplained(t, ended, 4, says, hint);
  t.notMatch(ended.stdout + ended.stderr, REPLICATION.password);
  t.equal((await statusOf(server))?.get('Slave_IO_Running'), 'Connecting', 'nothing comes from there');
  const Names = z.object({ name: z.string() });
  const sql =
    "SELECT JSON_OBJECT('name', SCHEMA_NAME) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ('shop', 'crm')";
  t.equal((await query(server.root, sql, Names)).length, 2, 'all data is restored');
}

t.test('by another authority it does not', (t) =>
  assertRefused(
    t,
    62,
    theirs.ca,
    /: the TLS connection was refused; all data is restored/,
    /--primary-ca.*START SLAVE;$/,
  ),
);

t.test('without an authority it is not let in by a primary that wants TLS', (t) =>
  assertRefused(t, 63, undefined, /: the primary does not let the replication user in; /, /START SLAVE;$/),
);

t.test('by a certificate for another server it does not', async (t) => {
  await withCertificateFor('IP:127.0.0.2');
  await assertRefused(
    t,
    64,
    ours.ca,
    /: the TLS connection was refused; all data is restored/,
    /certificate of the primary/,
  );
});
