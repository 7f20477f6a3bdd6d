import t from 'tap';
import * as z from 'zod';
import { archiveDump } from '../../lib/archive/archive-stream.ts';
import { chooseCompressor } from '../../lib/archive/compressor.ts';
import type { ArchiveDigests } from '../../lib/archive/digests.ts';
import { openArchive } from '../../lib/archive/open-archive.ts';
import { query, queryLines } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { openSnapshot } from '../../lib/database/snapshot.ts';
import { quoteIdentifier } from '../../lib/database/sql-text.ts';
import { DeferredKeys } from '../../lib/flow/deferred-keys.ts';
import { LoadBudget } from '../../lib/flow/load-budget.ts';
import { loadDump, loadHeld } from '../../lib/flow/load-dump.ts';
import { sideBySide } from '../../lib/flow/side-by-side.ts';
import { assertSameCounts, type ObjectCounts } from '../../lib/model/object-counts.ts';
import { bytesOf, collect } from '../bytes.ts';
import { readSnapshot } from '../fixture/dumps.ts';
import { runSql, serverFor } from '../fixture/servers.ts';
import { TYPE_TORTURE } from '../fixture/type-torture.sql.ts';

const LIMITS = { extra: ['--max-allowed-packet=1G', '--character-set-server=utf8mb4'] };

/** Every archive of a server, by database; '' for the accounts. */
async function backUp(connection: Connection) {
  const server = await inspectServer(connection, { exclude: [] });
  const snapshot = await openSnapshot(connection, server);
  const compressor = await chooseCompressor('auto');
  const archives = new Map<string, Buffer>();
  const counts = new Map<string, ObjectCounts>();
  await readSnapshot(snapshot, async (dump, stream) => {
    const archive = archiveDump(stream, dump.laned, compressor);
    archives.set(dump.database ?? '', await collect(archive.stream));
    const summary = await archive.summary;
    assertSameCounts(dump.database ?? 'accounts', dump.expected, summary.counts);
    counts.set(dump.database ?? '', summary.counts);
  });
  await snapshot.close();
  return { archives, counts, record: snapshot.record };
}

async function digestsOf(archive: Buffer): Promise<ArchiveDigests> {
  const opened = openArchive(bytesOf(archive));
  for await (const _ of opened.sql);
  return opened.digests;
}

/** As a restore does: over several connections, with secondary keys as late as they can be. */
async function restore(target: Connection, archives: ReadonlyMap<string, Buffer>): Promise<void> {
  const options = { target, deferred: new DeferredKeys(), lateKeysBytes: 0, signal: new AbortController().signal };
  await sideBySide(archives, 3, async ([database, archive]) => {
    if (database === '') return;
    const opened = openArchive(bytesOf(archive));
    const rest = await loadDump(opened.pieces, { ...options, database, budget: new LoadBudget(1) });
    await opened.digests;
    await loadHeld(target, database, rest.preamble, rest.views);
    await loadHeld(target, database, rest.preamble, rest.events);
  });
  await loadSql(target, openArchive(bytesOf(archives.get('') ?? Buffer.alloc(0))).sql, 'the accounts');
}

async function checksums(connection: Connection): Promise<string[]> {
  const tables = await query(
    connection,
    `SELECT JSON_OBJECT('d', TABLE_SCHEMA, 't', TABLE_NAME) FROM information_schema.TABLES
     WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
       AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1`,
    z.object({ d: z.string(), t: z.string() }),
  );
  const names = tables.map((each) => `${quoteIdentifier(each.d)}.${quoteIdentifier(each.t)}`);
  return queryLines(connection, `CHECKSUM TABLE ${names.join(', ')} EXTENDED`);
}

t.test(
  'brings everything back, byte for byte, through archive, client and a second server',
  { timeout: 350_000 },
  async (t) => {
    const source = await serverFor(t, LIMITS);
    const target = await serverFor(t, LIMITS);
    await runSql(source, TYPE_TORTURE);

    const first = await backUp(source.root);
    t.equal(first.record.binlog, null, 'the binary log is off here');
    t.ok(first.record.heldMs < 5000, `commits were held back for ${first.record.heldMs} ms`);
    t.match(first.counts.get('bodies'), { tables: 1, triggers: 2, routines: 7, events: 2 });
    t.match(first.counts.get('features'), { views: 3, sequences: 2 });
    t.equal(first.counts.get('many')?.tables, 1000);

    await restore(target.root, first.archives);
    const second = await backUp(target.root);
    t.same([...second.archives.keys()].sort(), [...first.archives.keys()].sort());
    for (const [database, archive] of first.archives) {
      const before = await digestsOf(archive);
      const after = await digestsOf(second.archives.get(database) ?? Buffer.alloc(0));
      const content = ({ sections }: ArchiveDigests) =>
        sections
          .filter(({ kind }) => kind !== 'preamble' && kind !== 'trailer')
          .map(({ kind, name, sha256 }) => ({ kind, name, sha256 }));
      t.same(content(after), content(before), `every section of ${JSON.stringify(database)} has the same SHA-256`);
      t.same(after.counts, before.counts);
    }
    t.same(await checksums(target.root), await checksums(source.root), 'the server finds every table the same');
  },
);
