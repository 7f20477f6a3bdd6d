import t from 'tap';
import * as z from 'zod';
import { execute, query } from '../../lib/database/client.ts';
import { parseGtidSet } from '../../lib/database/gtid-set.ts';
import { type Coordinates, readCoordinates, replicationRecord } from '../../lib/database/replica-coordinates.ts';
import { type ReplicaSource, readReplicaSources } from '../../lib/database/replica-sources.ts';
import { Session } from '../../lib/database/session.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { type Running, start, terminate } from '../../lib/system/command.ts';
import { replicaPair, until } from '../fixture/replica-pair.ts';

const Text = z.object({ text: z.string() });
const Count = z.object({ n: z.int() });
const STAGES = ['BACKUP STAGE START', 'BACKUP STAGE FLUSH', 'BACKUP STAGE BLOCK_DDL', 'BACKUP STAGE BLOCK_COMMIT'];

/** One transaction a row, again and again. */
function writer({ socket }: ThrowawayServer): Running {
  const client = start('mariadb', ['--no-defaults', '--user=root', `--socket=${socket}`]);
  client.stdin.write('DELIMITER //\nBEGIN NOT ATOMIC LOOP INSERT INTO shop.t (n) VALUES (1); END LOOP; END//\n');
  return client;
}

for (const extra of [['--slave-parallel-threads=4', '--slave-parallel-mode=optimistic'], []]) {
  t.test(`under writers the coordinates are those of the rows: ${extra.join(' ') || 'one applier'}`, async (t) => {
    const { primary, replica } = await replicaPair(t, extra);
    await execute(primary.root, 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)');
    const before = Number((await textOf(primary, '@@gtid_binlog_pos')).split('-')[2]);
    const writers = [writer(primary), writer(primary), writer(primary)];
    t.teardown(async () => {
      for (const { child } of writers) terminate(child);
      await Promise.all(writers.map(({ ended }) => ended));
    });
    await until('rows arrive', async () => {
      const sources = await readReplicaSources(replica.root);
      return sources[0]?.applying === true && /^1-1-\d{3,}$/.test(await textOf(replica, '@@gtid_slave_pos'));
    });
    const healthy = await readReplicaSources(replica.root);
    let [last, places] = [0, 0];
    const applied = async () => {
      const [row] = await query(replica.root, "SELECT JSON_OBJECT('n', COUNT(*)) FROM shop.t", Count);
      return row?.n ?? 0;
    };
    for (let round = 0; round < 5; round += 1) {
      await until('it went on in between', async () => (await applied()) > last);
      const session = await Session.open(replica.root);
      for (const stage of STAGES) await session.execute(stage, 30_000);
      const look = () => readCoordinates(replica.root, (sql, row) => session.ask(sql, row));
      let first = await look();
      // With several appliers, file and position follow the rows, and may still do so for a moment.
      await until('they have followed', async () => {
        const { sources } = first;
        first = await look();
        return sources[0]?.file === first.sources[0]?.file && sources[0]?.position === first.sources[0]?.position;
      });
      const looks: [Coordinates, Coordinates] = [first, await look()];
      const [rows] = await session.ask("SELECT JSON_OBJECT('n', COUNT(*)) FROM shop.t", Count);
      const record = replicationRecord(healthy, looks, 'held');
      t.match(record, { consistent: true, ownWrites: false, applier: 'held', gtid: `1-1-${before + (rows?.n ?? 0)}` });
      const binlog = record.sources[0]?.binlog;
      if (binlog) {
        places += 1;
        t.equal(await textOf(primary, `BINLOG_GTID_POS('${binlog.file}', ${binlog.position})`), record.gtid);
      }
      await session.execute('BACKUP STAGE END');
      await session.close();
      t.ok((rows?.n ?? 0) > last, 'it went on in between');
      last = rows?.n ?? 0;
    }
    t.comment(`file and position were certain in ${places} of 5 rounds`);
    if (extra.length === 0) t.equal(places, 5);
  });
}

t.test('what does not agree is not recorded', async (t) => {
  const source: ReplicaSource = {
    ...{ name: '', address: 'a', port: 1, receiving: 'yes', applying: true, receiveError: 0, applyError: 0 },
    ...{ lagSeconds: 2, delaySeconds: 0, usesGtid: true, filtered: false, file: 'b.1', position: 9 },
    ...{ receivedFile: 'b.1', receivedPosition: 9 },
  };
  const good: Coordinates = {
    ...{ table: parseGtidSet('1-1-9,0-1-3'), memory: parseGtidSet('0-1-3,1-1-9'), transactional: true, ownServer: 2 },
    ...{ ownLog: parseGtidSet('0-1-3,1-1-9'), sources: [source] },
  };
  const of = (last: Partial<Coordinates>, applier: 'held' | 'stopped' | 'running' = 'held') =>
    replicationRecord([source], [good, { ...good, ...last }], applier);
  const certain = {
    consistent: true,
    ownWrites: false,
    gtid: '0-1-3,1-1-9',
    sources: [{ binlog: { file: 'b.1', position: 9 } }],
  };
  const nothing = { consistent: false, gtid: null, sources: [{ binlog: null }] };
  t.match(of({}), certain);
  t.match(of({ ownLog: null }), certain, 'no own log');
  t.match(of({ ownLog: parseGtidSet('7-7-7,1-1-4') }), certain, 'a log of its former life');
  t.match(of({ memory: parseGtidSet('0-1-3,1-1-7') }), {
    consistent: true,
    gtid: '0-1-3,1-1-9',
    sources: [{ binlog: null }],
  });
  t.match(of({ ownLog: parseGtidSet('0-2-4,1-1-9') }), { ...certain, ownWrites: true });
  t.match(of({ ownLog: parseGtidSet('1-1-10') }), nothing, 'its log has more of the primary');
  t.match(of({ table: parseGtidSet('1-1-10,0-1-3') }), nothing, 'it went on');
  t.match(of({ sources: [{ ...source, position: 10 }] }), nothing, 'it went on');
  t.match(of({}, 'running'), nothing, 'nothing held it');
  t.match(of({ transactional: false }), nothing);
  t.match(of({ transactional: false }, 'stopped'), certain);
  t.match(of({ table: new Map(), memory: new Map(), ownLog: null, sources: [source] }), nothing);
  t.match(replicationRecord([{ ...source, name: 'web shop' }], [good, good], 'held').sources, [
    { name: null, binlog: null },
  ]);
});

async function textOf({ root }: ThrowawayServer, expression: string): Promise<string> {
  const [row] = await query(root, `SELECT JSON_OBJECT('text', ${expression})`, Text);
  return row?.text ?? '';
}
