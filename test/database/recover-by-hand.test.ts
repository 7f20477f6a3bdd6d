import { writeFileSync } from 'node:fs';
import t from 'tap';
import * as z from 'zod';
import { archiveDump } from '../../lib/archive/archive-stream.ts';
import { chooseCompressor } from '../../lib/archive/compressor.ts';
import { execute, query, queryLines } from '../../lib/database/client.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { openSnapshot } from '../../lib/database/snapshot.ts';
import { run } from '../../lib/system/command.ts';
import { collect } from '../bytes.ts';
import { readSnapshot } from '../fixture/dumps.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

t.test('an archive comes back with nothing but tar and the client, with and without comments', async (t) => {
  const server = await serverFor(t, { logBin: true });
  await runSql(
    server,
    `CREATE DATABASE \`sh op\`; USE \`sh op\`; CREATE TABLE t (a INT, b LONGTEXT);
     INSERT INTO t SELECT seq, REPEAT('x;', 3000) FROM seq_1_to_1000; CREATE VIEW v AS SELECT a FROM t;
     SET SESSION sql_mode = 'ALLOW_INVALID_DATES'; CREATE TABLE dates (d DATE DEFAULT '2021-11-31', t DATETIME);
     INSERT INTO dates VALUES ('2020-02-31', '2020-04-31 01:02:03'), ('0000-00-00', '2020-00-00');`,
  );
  const snapshot = await openSnapshot(server.root, await inspectServer(server.root, { exclude: [] }));
  const compressor = await chooseCompressor('auto');
  const file = `${t.testdir({})}/shop.tar.gz`;
  await readSnapshot(snapshot, async ({ database }, stream) => {
    const archive = await collect(archiveDump(stream, null, compressor).stream);
    if (database !== null) writeFileSync(file, archive);
  });
  await snapshot.close();
  const sum = "SELECT JSON_OBJECT('n', COUNT(*), 's', SUM(LENGTH(b))) FROM `sh op`.t JOIN `sh op`.v USING (a)";
  const Row = z.object({ n: z.int(), s: z.int() });
  const before = await query(server.root, sum, Row);
  t.match(before, [{ n: 1000, s: 6_000_000 }]);
  for (const option of ['', '--comments']) {
    await execute(server.root, 'DROP DATABASE `sh op`');
    const command = `tar xzOf "$1" | mariadb --no-defaults --user=root --socket="$2" ${option}`;
    const { exitCode, stdout, stderr } = await run('bash', [
      '-o',
      'pipefail',
      '-c',
      command,
      'sh',
      file,
      server.socket,
    ]);
    t.same({ exitCode, stdout, stderr }, { exitCode: 0, stdout: '', stderr: '' });
    t.same(await query(server.root, sum, Row), before);
    t.strictSame(
      await queryLines(server.root, 'SELECT d, t FROM `sh op`.dates'),
      ['2020-02-31\t2020-04-31 01:02:03', '0000-00-00\t2020-00-00 00:00:00'],
      'also dates that only a server under ALLOW_INVALID_DATES has let in',
    );
  }
});
