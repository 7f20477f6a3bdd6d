import fc from 'fast-check';
import t from 'tap';
import { describePlan } from '../../lib/database/describe-plan.ts';
import {
  adjustPlan,
  type DatabaseToPlan,
  planDumps,
  rowDumpers,
  singleDumpPlan,
} from '../../lib/database/plan-dumps.ts';
import type { DatabaseName } from '../../lib/model/names.ts';

const MB = 1024 * 1024;

/** Tables by their size in megabytes; a negative one is of a table without a key. */
function database(name: string, megabytes: number, sizes: readonly number[] = []): DatabaseToPlan {
  const tables = sizes.map((each, index) => {
    return { table: `t${index}`, key: each < 0 ? null : 'id', dataBytes: Math.abs(each) * MB };
  });
  return { name: name as DatabaseName, dataBytes: megabytes * MB, tables };
}

const named = (...names: string[]) => names as DatabaseName[];

const servers = fc
  .array(
    fc.record({ megabytes: fc.nat(2000), tables: fc.array(fc.integer({ min: -1500, max: 1500 }), { maxLength: 20 }) }),
    {
      maxLength: 40,
    },
  )
  .map((all) =>
    all.map(({ megabytes, tables }, index) =>
      database(`d${index}`, megabytes + tables.reduce((sum, each) => sum + Math.abs(each), 0), tables),
    ),
  );

t.test('every database is in exactly one group, within the connections, whatever the server', async () => {
  fc.assert(
    fc.property(servers, fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 40 }), (all, parallel, limit) => {
      const plan = planDumps(all, { parallel, limit });
      const names = plan.groups.flatMap(({ databases }) => databases);
      if (names.length !== all.length || new Set(names).size !== all.length) throw new Error('not each once');
      for (const { databases, split, batches } of plan.groups) {
        const tables = [...split.map(({ table }) => table), ...batches.flat()];
        if (tables.length > 0 && databases.length !== 1) throw new Error('a database with lanes is alone in its group');
        if (databases.length === 0) throw new Error('a group without a database');
        if (split.some(({ parts }) => parts < 2 || parts > parallel)) throw new Error('too many parts');
        if (batches.some((batch) => batch.length === 0)) throw new Error('a batch without a table');
        if (new Set(tables).size !== tables.length) throw new Error('a table twice');
      }
      return rowDumpers(plan) <= Math.min(limit, 3 * parallel);
    }),
  );
});

t.test('a number that somebody allows is never exceeded, and one that can be used is', async (t) => {
  fc.assert(
    fc.property(servers, fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 40 }), (all, parallel, limit) => {
      const plan = planDumps(all, { parallel, most: parallel, limit });
      const names = plan.groups.flatMap(({ databases }) => databases);
      if (names.length !== all.length || new Set(names).size !== all.length) throw new Error('not each once');
      return rowDumpers(plan) <= Math.min(parallel, limit);
    }),
    { numRuns: 300 },
  );
  const huge = [database('shop', 1500, [1480]), database('small', 1)];
  const dumpers = [1, 2, 3, 4, 5].map((most) => planDumps(huge, { parallel: most, most, limit: 50 }));
  t.same(dumpers.map(rowDumpers), [1, 2, 3, 4, 5]);
  t.same(
    dumpers.map(({ groups: [shop] }) => shop?.split.map(({ parts }) => parts)),
    [[], [], [], [2], [3]],
    'a table can be split where a program is left for its database, and one for the other databases',
  );
  t.same(planDumps(huge, { parallel: 3, most: 3, limit: 50 }).groups[0]?.batches, [['t0']]);
});

t.test('no program has much more than its share, of few large tables or of many', async () => {
  const tables = fc.oneof(
    fc.array(fc.integer({ min: 64, max: 3000 }), { minLength: 1, maxLength: 3 }),
    fc.array(fc.integer({ min: -60, max: -1 }), { minLength: 1, maxLength: 200 }),
  );
  const servers = fc.array(tables, { minLength: 1, maxLength: 4 }).map((all) =>
    all.map((sizes, n) =>
      database(
        `d${n}`,
        sizes.reduce((sum, each) => sum + Math.abs(each), 0),
        sizes,
      ),
    ),
  );
  fc.assert(
    fc.property(servers, fc.integer({ min: 2, max: 16 }), (all, parallel) => {
      const plan = planDumps(all, { parallel, limit: 100 });
      const share = all.reduce((sum, { dataBytes }) => sum + dataBytes + MB / 4, 0) / parallel;
      const loads = plan.groups.flatMap(({ databases, split, batches }) => {
        const members = all.filter(({ name }) => databases.includes(name));
        const bytesOf = (table: string) => members[0]?.tables.find((each) => each.table === table)?.dataBytes ?? 0;
        const bytesOfAll = (tables: readonly string[]) => tables.reduce((sum, table) => sum + bytesOf(table), 0);
        const whole = members.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
        return [
          whole - bytesOfAll([...split.map(({ table }) => table), ...batches.flat()]),
          ...split.map(({ table, parts }) => bytesOf(table) / parts),
          ...batches.map(bytesOfAll),
        ];
      });
      return Math.max(...loads) <= Math.max(2 * share, 64 * MB);
    }),
  );
});

t.test('one table that is nearly everything is split over all programs', async (t) => {
  const plan = planDumps([database('shop', 1500, [1480]), database('small', 1)], { parallel: 3, limit: 50 });
  t.same(plan.groups, [
    { databases: ['shop'], split: [{ table: 't0', key: 'id', parts: 3 }], batches: [] },
    { databases: ['small'], split: [], batches: [] },
  ]);
  t.equal(rowDumpers(plan), 5);
  t.equal(describePlan(plan), '2 databases in 2 dumps, shop.t0 in 3 lanes, and the accounts: 6 connections at a time');
});

t.test('one database of several tables: as many go beside it as make shares of it', async (t) => {
  const few = planDumps([database('shop', 1500, [500, 400, 300, 300])], { parallel: 3, limit: 50 });
  t.same(few.groups, [{ databases: ['shop'], split: [], batches: [['t0'], ['t1']] }]);
  t.match(describePlan(few), /, 2 tables of shop in 2 lanes, and the accounts: 4 connections/);
  const one = planDumps([database('shop', 200, [-120, 70])], { parallel: 2, limit: 50 });
  t.match(describePlan(one), /, shop\.t0 in a lane of its own, and/);
  const many = planDumps([database('shop', 2000, Array(50).fill(-40))], { parallel: 5, limit: 50 });
  t.same(
    many.groups.map(({ batches }) => batches.map(({ length }) => length)),
    [[10, 10, 10, 10]],
    'a fifth each, and a fifth stays',
  );
  t.equal(rowDumpers(many), 5);
  t.match(describePlan(many), '1 database in 1 dump, 40 tables of shop in 4 lanes, and the accounts');
  t.same(planDumps([database('shop', 60, [-30, -30])], { parallel: 3, limit: 50 }).groups[0]?.batches, [], 'too small');
});

t.test('five hundred databases come to as many programs as are wanted, none without work', async (t) => {
  const plan = planDumps(
    Array.from({ length: 500 }, (_, n) => database(`d${n}`, n === 7 ? 50 : 0)),
    { parallel: 3, limit: 13 },
  );
  t.equal(plan.groups.length, 3);
  t.ok(plan.groups.every(({ databases }) => databases.length > 20));
  t.same(
    plan.groups[0]?.databases,
    [...(plan.groups[0]?.databases ?? [])].sort((a, b) => +a.slice(1) - +b.slice(1)),
  );
});

t.test('few connections: fewer programs, down to one, without lanes', async (t) => {
  const all = [database('shop', 1500, [1400]), database('crm', 700), database('blog', 10)];
  const limits = [20, 5, 4, 3, 2, 1].map((limit) => rowDumpers(planDumps(all, { parallel: 3, limit })));
  t.same(
    limits,
    [...limits].sort((a, b) => b - a),
  );
  t.same(planDumps(all, { parallel: 3, limit: 1 }).groups, [
    { databases: ['shop', 'crm', 'blog'], split: [], batches: [] },
  ]);
  t.same(planDumps(all, { parallel: 1, limit: 20 }).groups, [
    { databases: ['shop', 'crm', 'blog'], split: [], batches: [] },
  ]);
});

t.test('a plan follows what came and went since', async (t) => {
  const plan = planDumps([database('a', 10), database('b', 10), database('c', 5)], { parallel: 2, limit: 9 });
  const adjusted = adjustPlan(plan, named('b', 'c', 'late'));
  t.same(adjusted.groups.flatMap(({ databases }) => databases).sort(), ['b', 'c', 'late']);
  t.equal(adjusted.groups.length, 2);
  t.same(adjustPlan(plan, []).groups, []);
  t.same(adjustPlan({ groups: [] }, named('late')), singleDumpPlan(named('late')));
  const laned = planDumps([database('shop', 1500, [1500])], { parallel: 2, limit: 9 });
  t.same(adjustPlan(laned, named('shop', 'late')), singleDumpPlan(named('shop', 'late')));
  t.same(adjustPlan(laned, named('shop')), laned);
});
