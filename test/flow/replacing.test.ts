import t from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import type { RestorePlan } from '../../lib/flow/plan-restore.ts';
import { type Outcome, replacing } from '../../lib/flow/replacing.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { DatabaseName } from '../../lib/model/names.ts';
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
});
const planOf = (changes: Partial<RestorePlan>) =>
  ({
    interrupted: [],
    aside: [],
    drops: [],
    creates: [SHOP, CRM],
    run: 'x',
    trustsCreators: false,
    ...changes,
  }) as unknown as RestorePlan;
const outcome = (changes: Partial<Outcome>): Outcome => ({
  compared: [],
  differing: [],
  differences: [],
  failures: [],
  ...changes,
});
const events: FlowEvent[] = [];
const order = { target: root, emit: (event: FlowEvent) => events.push(event) };
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
