import t from 'tap';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { openSnapshot } from '../../lib/database/snapshot.ts';
import type { Trickle } from '../../lib/database/turns.ts';
import { Turns } from '../../lib/database/turns.ts';
import type { Bytes } from '../../lib/model/stages.ts';
import { sleep } from '../../lib/system/clock.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

async function* chunks(count: number): Bytes {
  for (let n = 0; n < count; n += 1) yield Buffer.alloc(1000);
}

t.test('lets so many flow at a time, in order, and the others trickle', async (t) => {
  const turns = new Turns(1, { bytes: 2000, intervalMs: 40 });
  const first = turns.pace(chunks(10))[Symbol.asyncIterator]();
  await first.next();
  const seen: number[] = [];
  const second = (async () => {
    for await (const chunk of turns.pace(chunks(30))) seen.push(chunk.length);
  })();
  await sleep(20);
  t.equal(seen.length, 2, 'the first allowance at once');
  await sleep(100);
  t.ok(seen.length >= 4 && seen.length <= 10, `${seen.length} chunks while waiting`);
  await first.return?.();
  await second;
  t.equal(seen.length, 30, 'all of it once the turn has come');
});

t.test('passes the turn on when a stream fails, or is left while it waits', async (t) => {
  const turns = new Turns(1, { bytes: 1, intervalMs: 10 });
  const broken = turns.pace(
    (async function* () {
      yield Buffer.from('x');
      throw new Error('broken');
    })(),
  );
  const waiting = turns.pace(chunks(3))[Symbol.asyncIterator]();
  await t.rejects(
    (async () => {
      for await (const _ of broken) await waiting.next();
    })(),
    { message: 'broken' },
  );
  await waiting.return?.();
  let count = 0;
  for await (const _ of turns.pace(chunks(100))) count += 1;
  t.equal(count, 100);
});

t.test('keeps a waiting dump alive past net_write_timeout, which ends a dump that nobody reads', async (t) => {
  const server = await serverFor(t, { extra: ['--net-write-timeout=2'] });
  await runSql(
    server,
    `CREATE DATABASE a; CREATE DATABASE b; CREATE TABLE a.t (x TEXT); CREATE TABLE b.t (x TEXT); USE b;
     INSERT INTO a.t SELECT REPEAT('y', 10000) FROM seq_1_to_5000;
     INSERT INTO b.t SELECT REPEAT('y', 10000) FROM seq_1_to_2500;`,
  );
  const facts = await inspectServer(server.root, { exclude: [] });
  const dumpWhile = async (trickle: Trickle) => {
    const snapshot = await openSnapshot(server.root, facts, { parallel: 1, trickle });
    try {
      const [first, ...others] = snapshot.dumps;
      t.equal(first?.database, 'a', 'the largest has the only turn');
      const slow = first?.stream[Symbol.asyncIterator]();
      await slow?.next();
      const lives = Promise.all(
        others.map(async ({ stream }) => {
          for await (const _ of stream);
        }),
      );
      lives.catch(() => undefined);
      await sleep(6000);
      await slow?.return?.();
      await lives;
    } finally {
      await snapshot.close();
    }
  };
  await t.rejects(dumpWhile({ bytes: 1, intervalMs: 60_000 }), { code: 'database-unreachable' });
  await t.resolves(dumpWhile({ bytes: 512 * 1024, intervalMs: 500 }));
});
