import t from 'tap';
import * as z from 'zod';
import { CHANGING_CHARSETS } from '../../lib/database/changing-charsets.ts';
import { query } from '../../lib/database/client.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { tellChangingColumns } from '../../lib/flow/tell-changing-columns.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const UNICODE = ['binary', 'ucs2', 'utf16', 'utf16le', 'utf32', 'utf8mb3', 'utf8mb4'];

t.test('text that a dump in utf8mb4 changes', async (t) => {
  const server = await serverFor(t);
  await runSql(
    server,
    `CREATE DATABASE shop; USE shop;
     CREATE TABLE k (id INT, a VARCHAR(9) CHARACTER SET sjis, b CHAR(1) CHARACTER SET latin1, \`c'd\` ENUM('x') CHARACTER SET gbk);
     CREATE VIEW v AS SELECT * FROM k; CREATE DATABASE scratch; CREATE TABLE scratch.k (a TEXT CHARACTER SET big5);`,
  );

  await t.test('is found beforehand, and told for each database', async (t) => {
    const { changingColumns } = await inspectServer(server.root, { exclude: ['scratch'] });
    const told: FlowEvent[] = [];
    tellChangingColumns(changingColumns, (event) => told.push(event));
    t.match(told, [{ kind: 'warning', subject: 'shop', text: /utf8mb4: `k`\.`a` \(sjis\), `k`\.`c'd` \(gbk\)$/ }]);
    t.equal(told.length, 1);
  });

  await t.test('is that of these character sets, and of no other', async (t) => {
    const names = await query(
      server.root,
      "SELECT JSON_OBJECT('name', CHARACTER_SET_NAME, 'bytes', MAXLEN) FROM information_schema.CHARACTER_SETS ORDER BY 1",
      z.object({ name: z.string(), bytes: z.int() }),
    );
    const measured = names.filter(({ name }) => !UNICODE.includes(name));
    t.ok(measured.length > 30);
    await runSql(
      server,
      `USE scratch; CREATE TABLE bytes (b VARBINARY(3) PRIMARY KEY);
       INSERT INTO bytes SELECT CHAR(seq) FROM seq_0_to_255;
       INSERT INTO bytes SELECT CONCAT(CHAR(a.seq), CHAR(b.seq)) FROM seq_128_to_255 a JOIN seq_0_to_255 b;
       INSERT INTO bytes SELECT CONCAT(CHAR(143), CHAR(a.seq), CHAR(b.seq)) FROM seq_128_to_255 a JOIN seq_128_to_255 b;
       CREATE TABLE changed (charset VARCHAR(32), n INT); SET sql_mode = '';
       ${measured.map(({ name, bytes }) => measure(name, bytes)).join('')}`,
    );
    const changed = await query(
      server.root,
      "SELECT JSON_OBJECT('charset', charset, 'n', n) FROM scratch.changed WHERE n > 0 ORDER BY charset",
      z.object({ charset: z.string(), n: z.int() }),
    );
    t.comment(changed);
    t.strictSame(
      changed.map(({ charset }) => charset),
      CHANGING_CHARSETS,
    );
  });
});

/** Counts what is a character there, and comes back as another; one byte without a Unicode of its own is none. */
function measure(charset: string, bytes: number): string {
  const text = `CONVERT(b USING ${charset})`;
  const unicode = `CONVERT(${text} USING utf8mb4)`;
  return `INSERT INTO changed SELECT '${charset}', COUNT(*) FROM bytes
    WHERE LENGTH(b) <= ${bytes} AND CHAR_LENGTH(${text}) = 1 AND CAST(${text} AS BINARY) = b
      AND CAST(CONVERT(${unicode} USING ${charset}) AS BINARY) <> b
      AND (LENGTH(b) > 1 OR CAST(${unicode} AS BINARY) NOT IN ('?', X'EFBFBD'));\n`;
}
