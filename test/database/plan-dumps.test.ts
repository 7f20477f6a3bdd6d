import fc from 'fast-check';
import t from 'tap';
import {
  adjustPlan,
  type DatabaseToPlan,
  describePlan,
  planDumps,
  rowDumpers,
  singleDumpPlan,
} from '../../lib/database/plan-dumps.ts';
import type { DatabaseName } from '../../lib/model/names.ts';

const MB = 1024 * 1024;

function database(name: string, megabytes: number, tables: readonly number[] = []): DatabaseToPlan {
  const splittable = tables.map((each, index) => ({ table: `t${index}`, key: 'id', dataBytes: each * MB }));
  return { name: name as DatabaseName, dataBytes: megabytes * MB, splittable };
}

const named = (...names: string[]) => names as DatabaseName[];

const servers = fc
  .array(fc.record({ megabytes: fc.nat(2000), tables: fc.array(fc.nat(1500), { maxLength: 5 }) }), { maxLength: 40 })
  .map((all) =>
    all.map(({ megabytes, tables }, index) =>
      database(`d${index}`, megabytes + tables.reduce((sum, each) => sum + each, 0), tables),
    ),
  );

t.test('every database is in exactly one group, within the connections, whatever the server', async () => {
  fc.assert(
    fc.property(servers, fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 40 }), (all, parallel, limit) => {
      const plan = planDumps(all, { parallel, limit });
      const names = plan.groups.flatMap(({ databases }) => databases);
      if (names.length !== all.length || new Set(names).size !== all.length) throw new Error('not each once');
      for (const { databases, lanes } of plan.groups) {
        if (lanes.length > 0 && databases.length !== 1) throw new Error('a database with lanes is alone in its group');
        if (databases.length === 0) throw new Error('a group without a database');
        if (lanes.some(({ parts }) => parts < 1 || parts > parallel)) throw new Error('too many parts');
        if (new Set(lanes.map(({ table }) => table)).size !== lanes.length) throw new Error('a table twice');
      }
      return rowDumpers(plan) <= Math.min(limit, 3 * parallel);
    }),
  );
});

t.test('no program has much more than its share where every table can be split', async () => {
  const splittable = fc
    .array(fc.array(fc.integer({ min: 64, max: 3000 }), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 })
    .map((all) =>
      all.map((tables, n) =>
        database(
          `d${n}`,
          tables.reduce((sum, each) => sum + each, 0),
          tables,
        ),
      ),
    );
  fc.assert(
    fc.property(splittable, fc.integer({ min: 2, max: 8 }), (all, parallel) => {
      const plan = planDumps(all, { parallel, limit: 100 });
      const share = all.reduce((sum, { dataBytes }) => sum + dataBytes + MB / 4, 0) / parallel;
      const loads = plan.groups.flatMap(({ databases, lanes }) => {
        const members = all.filter(({ name }) => databases.includes(name));
        const split = lanes.map(({ table, parts }) => {
          const bytes = members[0]?.splittable.find((each) => each.table === table)?.dataBytes ?? 0;
          return { bytes, parts };
        });
        const rest = members.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
        return [
          rest - split.reduce((sum, { bytes }) => sum + bytes, 0),
          ...split.map((each) => each.bytes / each.parts),
        ];
      });
      return Math.max(...loads) <= Math.max(2 * share, 64 * MB);
    }),
  );
});

t.test('one table that is nearly everything is split over all programs', async (t) => {
  const plan = planDumps([database('shop', 1500, [1480]), database('small', 1)], { parallel: 3, limit: 50 });
  t.same(plan.groups, [
    { databases: ['shop'], lanes: [{ table: 't0', key: 'id', parts: 3 }] },
    { databases: ['small'], lanes: [] },
  ]);
  t.equal(rowDumpers(plan), 5);
  t.equal(describePlan(plan), '2 databases in 2 dumps, shop.t0 in 3 lanes, and the accounts: 6 connections at a time');
});

t.test('one database of several large tables: some go beside it, each in a lane of its own', async (t) => {
  const plan = planDumps([database('shop', 1500, [500, 400, 300, 300])], { parallel: 3, limit: 50 });
  t.same(plan.groups, [
    {
      databases: ['shop'],
      lanes: [
        { table: 't0', key: 'id', parts: 1 },
        { table: 't1', key: 'id', parts: 1 },
        { table: 't2', key: 'id', parts: 1 },
      ],
    },
  ]);
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
  t.same(planDumps(all, { parallel: 3, limit: 1 }).groups, [{ databases: ['shop', 'crm', 'blog'], lanes: [] }]);
  t.same(planDumps(all, { parallel: 1, limit: 20 }).groups, [{ databases: ['shop', 'crm', 'blog'], lanes: [] }]);
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
