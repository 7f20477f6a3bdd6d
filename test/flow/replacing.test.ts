import t from 'tap';
import { asideName } from '../../lib/database/aside.ts';
import { execute, queryLines } from '../../lib/database/client.ts';
import { inspectMovable } from '../../lib/database/movable.ts';
import { moveAside } from '../../lib/database/move-aside.ts';
import { putBack } from '../../lib/database/put-back.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import type { RestorePlan } from '../../lib/flow/plan-restore.ts';
import { type Outcome, replacing } from '../../lib/flow/replacing.ts';
import type { Archive } from '../../lib/model/archive-record.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import type { Selection } from '../../lib/model/selection.ts';
import { serverFor } from '../fixture/servers.ts';

const server = await serverFor(t);
const { root } = server;
const [SHOP, CRM] = [DatabaseName.parse('shop'), DatabaseName.parse('crm')];
await execute(
  root,
  'CREATE DATABASE shop; CREATE TABLE shop.old (a INT); CREATE DATABASE crm; CREATE TABLE crm.old (a INT)',
);

const aside = (database: DatabaseName) => ({
  database,
  by: database,
  name: DatabaseName.parse(`${database}__coffre_old_20260101t000000z`),
  tied: [] as readonly string[],
});
const planOf = (changes: Partial<RestorePlan>) =>
  ({
    interrupted: [],
    selections: new Map(),
    aside: [],
    drops: [],
    creates: [SHOP, CRM],
    run: 'x',
    ...changes,
  }) as unknown as RestorePlan;
const outcome = (changes: Partial<Outcome>): Outcome => ({
  compared: [],
  differing: [],
  withStrangers: [],
  differences: [],
  undecided: [],
  keptLogins: [],
  failures: [],
  ...changes,
});
const events: FlowEvent[] = [];
/** What the work of the tests below makes. */
const OURS = { has: (_: string, name: string) => ['newer', 't', 'parent', 'child'].includes(name) };
const NAMES = [SHOP, CRM, 'east', 'west', 'up', 'down', 'busy'];
const order = {
  target: root,
  emit: (event: FlowEvent) => events.push(event),
  made: new Map(NAMES.map((name) => [name, OURS])),
};
const tables = (database: string) => queryLines(root, `SHOW TABLES FROM ${database}`);
const load = (done: Outcome) => async () => {
  for (const database of [SHOP, CRM])
    await execute(root, `CREATE DATABASE ${database}; CREATE TABLE ${database}.newer (a INT)`);
  return done;
};

t.test('what was made since it was planned is not loaded over', async (t) => {
  const work = () => t.fail('nothing is loaded') as never;
  await t.rejects(replacing(planOf({ aside: [aside(CRM)] }), order, work), {
    code: 'refused',
    message: /^cannot restore shop: /,
  });
  t.strictSame([await tables('shop'), await tables('crm')], [['old'], ['old']], 'and what was moved is back');
});

t.test('a table that was made since in a database that gets one is not loaded over', async (t) => {
  await execute(root, 'CREATE DATABASE joined; CREATE TABLE joined.b (mine INT)');
  const archive = { database: 'bulk' } as unknown as Archive;
  const selection = { tables: ['b'], as: 'joined' } as unknown as Selection;
  const plan = planOf({ creates: [], joined: ['joined'], selections: new Map([[archive, selection]]) } as never);
  const work = () => t.fail('nothing is loaded') as never;
  await t.rejects(replacing(plan, order, work), {
    code: 'refused',
    message: /^cannot restore joined\.b: the server has/,
  });
  t.strictSame(await tables('joined'), ['b']);
  await execute(root, 'DROP DATABASE joined');
});

t.test('what was not in the backup is not dropped when the old one has to come back: a person says so', async (t) => {
  events.length = 0;
  const plan = planOf({ aside: [aside(SHOP)], creates: [SHOP] });
  const done = outcome({ differing: ['shop'], withStrangers: ['shop'], differences: ['x'] });
  const work = async () => {
    await execute(root, 'CREATE DATABASE shop; CREATE TABLE shop.mine (a INT)');
    return done;
  };
  await replacing(plan, order, work);
  t.strictSame(await tables('shop'), ['mine']);
  const { name } = aside(SHOP);
  t.match(events.at(-1), { kind: 'warning', text: `the old database is in ${name}, and could not be put back: ` });
  t.match(events.at(-1), { hint: /--put-back shop --drop-first shop$/ });
  await putBack(root, name, { standing: 'goes' });
  t.strictSame(await tables('shop'), ['old']);
});

t.test('each is settled by what came of it: one is verified, the other comes back', async (t) => {
  await replacing(
    planOf({ aside: [aside(SHOP), aside(CRM)] }),
    order,
    load(outcome({ compared: [SHOP], differing: [CRM] })),
  );
  t.strictSame([await tables('shop'), await tables('crm')], [['newer'], ['old']]);
  t.match(events.at(-1), { kind: 'note', subject: 'crm', text: /is back in its place/ });
});

t.test('what nobody can compare leaves both, and says how to be rid of the old one', async (t) => {
  await execute(root, 'DROP DATABASE shop');
  const plan = planOf({ aside: [aside(CRM)] });
  await replacing(plan, order, load(outcome({ compared: [SHOP] })));
  t.strictSame(await tables('crm'), ['newer']);
  t.ok((await tables('crm__coffre_old_20260101t000000z')).includes('old'));
  t.match(events.at(-1), {
    kind: 'warning',
    subject: 'crm',
    hint: /DROP DATABASE `crm__coffre_old_20260101t000000z`;$/,
  });
});

t.test('what is to be dropped first goes, whatever refers to it', async (t) => {
  await execute(
    root,
    `CREATE TABLE shop.parent (a INT PRIMARY KEY); CREATE DATABASE other;
     CREATE TABLE other.child (a INT, FOREIGN KEY (a) REFERENCES shop.parent (a)); DROP DATABASE crm`,
  );
  await replacing(planOf({ drops: [SHOP] }), order, load(outcome({ compared: [SHOP, CRM] })));
  t.strictSame(await tables('shop'), ['newer']);
});

t.test(
  "what another restore has settled while this one waited is nobody's, and what it has left is told",
  async (t) => {
    await execute(root, 'CREATE OR REPLACE DATABASE shop; CREATE TABLE shop.old (a INT)');
    const gone = { ...aside(SHOP), state: 'moved', run: 'x', standing: null, atWork: false } as const;
    events.length = 0;
    const planned = planOf({ interrupted: [gone], aside: [aside(SHOP)], creates: [SHOP] });
    await replacing(planned, order, async () => {
      await execute(root, 'CREATE DATABASE shop; CREATE TABLE shop.newer (a INT)');
      return outcome({ compared: [SHOP] });
    });
    t.notMatch(JSON.stringify(events), 'cut short');
    t.strictSame(await tables('shop'), ['newer']);

    await moveAside(root, { ...aside(SHOP), run: 'x' });
    const work = () => t.fail('nothing is loaded') as never;
    await t.rejects(
      replacing(planOf({ aside: [{ ...aside(SHOP), name: asideName(SHOP, new Date()) }] }), order, work),
      {
        code: 'refused',
        message: 'cannot restore shop: another restore of it was cut short meanwhile',
      },
    );
    events.length = 0;
    await replacing(planOf({ interrupted: [gone], creates: [CRM] }), order, async () =>
      outcome({ compared: [CRM] }),
    ).catch(
      () => undefined, // of crm, which is there
    );
    t.match(events, [
      { subject: 'shop', text: 'an earlier restore was cut short: the old database is back in its place' },
    ]);
    t.strictSame(await tables('shop'), ['newer']);
  },
);

t.test('databases with views on each other go out of the way and come back, whatever the order', async (t) => {
  const [EAST, WEST] = [DatabaseName.parse('east'), DatabaseName.parse('west')];
  await execute(
    root,
    `CREATE DATABASE east; CREATE DATABASE west; CREATE TABLE east.t (a INT); CREATE TABLE west.t (a INT);
     INSERT INTO east.t VALUES (1); INSERT INTO west.t VALUES (2);
     CREATE VIEW east.v AS SELECT a FROM west.t; CREATE VIEW west.v AS SELECT a FROM east.t;
     CREATE VIEW east.w AS SELECT a FROM west.v; CREATE VIEW west.x AS SELECT a FROM east.w;`,
  );
  const before = await readContent(root, [EAST, WEST]);
  for (const pair of [
    [EAST, WEST],
    [WEST, EAST],
  ]) {
    events.length = 0;
    const failing = replacing(planOf({ aside: pair.map(aside), creates: pair }), order, async () => {
      for (const database of pair)
        await execute(root, `CREATE DATABASE ${database}; CREATE TABLE ${database}.t (b INT)`);
      throw new Error('the line was cut');
    });
    await t.rejects(failing, { message: 'the line was cut' });
    t.strictSame(compareContent(before, await readContent(root, [EAST, WEST])), []);
    t.strictSame(
      events.filter(({ kind }) => kind === 'warning'),
      [],
    );
    t.strictSame(await queryLines(root, "SHOW DATABASES LIKE '%st\\\\_\\\\_coffre_old%'"), []);
  }
});

t.test('databases that a foreign key ties together are both replaced, or both are what they were', async (t) => {
  const [UP, DOWN] = [DatabaseName.parse('up'), DatabaseName.parse('down')];
  const tables = (rows: number) =>
    `CREATE DATABASE up; CREATE DATABASE down; CREATE TABLE up.parent (id INT PRIMARY KEY);
     CREATE TABLE down.child (id INT PRIMARY KEY, up INT, CONSTRAINT tie FOREIGN KEY (up) REFERENCES up.parent (id));
     INSERT INTO up.parent VALUES (${rows}); INSERT INTO down.child VALUES (${rows}, ${rows})`;
  await execute(root, tables(1));
  const old = await readContent(root, [UP, DOWN]);
  const movable = await inspectMovable(root, [UP, DOWN]);
  const ties = [{ ...aside(UP), tied: movable[0]?.ties.map(({ database }) => database) ?? [] }, aside(DOWN)];
  t.strictSame(ties[0]?.tied, ['down']);
  const load = (done: Outcome) => async () => {
    await execute(root, tables(2));
    return done;
  };
  const failing = async () => {
    await execute(root, tables(2));
    throw new Error('the line was cut');
  };
  for (const pair of [ties, [...ties].reverse()]) {
    const planned = planOf({ aside: pair, creates: [UP, DOWN] });
    await t.rejects(replacing(planned, order, failing), { message: 'the line was cut' });
    t.strictSame(compareContent(old, await readContent(root, [UP, DOWN])), []);
    for (const [good, bad] of [
      [UP, DOWN],
      [DOWN, UP],
    ] as const) {
      events.length = 0;
      await replacing(planned, order, load(outcome({ compared: [good], differing: [bad] })));
      t.strictSame(compareContent(old, await readContent(root, [UP, DOWN])), [], `${bad} was wrong`);
      t.match(
        events.filter(({ kind }) => kind === 'warning'),
        [{ subject: good, text: /is good, and goes again/ }],
      );
      t.strictSame(await queryLines(root, "SHOW DATABASES WHERE `Database` REGEXP '^(up|down)__coffre_old'"), []);
    }
  }
  await replacing(planOf({ aside: ties, creates: [UP, DOWN] }), order, load(outcome({ compared: [UP, DOWN] })));
  t.strictSame(await queryLines(root, 'SELECT id FROM up.parent'), ['2']);
  await t.rejects(execute(root, 'INSERT INTO down.child VALUES (9, 9)'), 'its foreign key is at work');
});

t.test('what somebody makes while it is loaded is not dropped when the old one comes back', async (t) => {
  const BUSY = DatabaseName.parse('busy');
  await execute(
    root,
    `CREATE DATABASE busy; CREATE TABLE busy.old (a INT); CREATE VIEW busy.seen AS SELECT a FROM busy.old;
     CREATE PROCEDURE busy.p() SELECT 1`,
  );
  const old = await readContent(root, [BUSY]);
  const planned = planOf({ aside: [aside(BUSY)], creates: [BUSY] });
  const meddled = (sql: string) => async () => {
    await execute(root, `CREATE DATABASE busy; CREATE TABLE busy.newer (a INT); ${sql}`);
    throw new Error('the line was cut');
  };
  events.length = 0;
  await t.rejects(
    replacing(
      planned,
      order,
      meddled(
        'CREATE TABLE busy.todays (a INT); INSERT INTO busy.todays VALUES (7); CREATE FUNCTION busy.f() RETURNS INT RETURN 1',
      ),
    ),
    { message: 'the line was cut' },
  );
  t.strictSame(await tables('busy'), ['old', 'seen', 'todays'], 'the half-loaded table is gone, and nothing else');
  t.strictSame(await queryLines(root, 'SELECT a, busy.f() FROM busy.todays'), ['7\t1']);
  t.match(events.at(-1), {
    kind: 'warning',
    subject: 'busy',
    text: 'beside the old one there is the table `todays`, the routine `f`: somebody has made that meanwhile',
  });
  await execute(root, 'DROP TABLE busy.todays; DROP FUNCTION busy.f');
  t.strictSame(compareContent(old, await readContent(root, [BUSY])), []);

  for (const [sql, name] of [
    ['CREATE TABLE busy.old (mine INT)', 'table `old`'],
    ['CREATE TABLE busy.seen (mine INT)', 'table `seen`'],
    ['CREATE PROCEDURE busy.P() SELECT 2', 'routine `P`'],
  ]) {
    events.length = 0;
    await t.rejects(replacing(planned, order, meddled(sql ?? '')), { message: 'the line was cut' });
    t.match(events.at(-1), {
      kind: 'warning',
      text: new RegExp(
        `^the old database is in busy__coffre_old_.*, and could not be put back: .*\\(with the ${name}, also`,
      ),
      hint: /^look at it: SHOW TABLES FROM `busy`; to drop it, which nothing undoes, .*: npx zx tasks\/restore\.ts --put-back busy/,
    });
    t.ok((await tables('busy')).includes('newer'), 'then nothing is touched');
    await execute(root, 'DROP DATABASE busy');
    await putBack(root, aside(BUSY).name, { standing: 'stays' });
    t.strictSame(compareContent(old, await readContent(root, [BUSY])), []);
  }
});
