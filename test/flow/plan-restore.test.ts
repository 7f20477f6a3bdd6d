import t from 'tap';
import { assertAllowed } from '../../lib/flow/plan-replacements.ts';
import { planRestore, type RestoreWish } from '../../lib/flow/plan-restore.ts';
import type { Archive } from '../../lib/model/archive-record.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { restoreWishOf } from '../fixture/restore-wish.ts';

const base = manifestOf('db1', new Date('2026-11-22T04:00:00Z'));
const [shop] = base.archives as [Archive];
const archive = (name: string): Archive => ({
  ...shop,
  database: DatabaseName.parse(name),
  file: `${name}.tar.gz.enc`,
});
const accounts: Archive = { ...shop, kind: 'accounts', database: null, file: '@accounts.tar.gz.enc' };
const manifest = { ...base, archives: [archive('crm'), shop, accounts] };
const files = manifest.archives.map(({ file }) => file);
const wish = restoreWishOf(files);

t.test('takes everything, in the order of the run, the accounts last', async (t) => {
  const plan = planRestore(manifest, wish);
  t.same(
    plan.archives.map(({ file }) => file),
    files,
  );
  t.match(plan, { form: 'store', drops: [], aside: [], readBytes: 3 * shop.sealedBytes });
});

t.test('reads the whole day archive where the copy has nothing else', async (t) => {
  const plan = planRestore(manifest, { ...wish, files: ['encrypted.dat'], databases: ['shop'], accounts: false });
  t.match(plan, { form: 'offsite', readBytes: manifest.dayArchive?.sealedBytes });
  t.same(
    plan.archives.map(({ database }) => database),
    ['shop'],
  );
});

t.test('refuses a database that is there, all of them at once, unless its name was given', async (t) => {
  const present = new Set(['shop', 'crm']);
  t.throws(() => assertAllowed(planRestore(manifest, { ...wish, present, overwrite: ['shop'] })), {
    code: 'refused',
    hint: /--overwrite crm$/,
  });
  t.throws(() => assertAllowed(planRestore(manifest, { ...wish, present })), { message: /crm, shop/, exitCode: 8 });
  const named = planRestore(manifest, { ...wish, present, overwrite: ['shop', 'crm'] });
  assertAllowed(named);
  t.same(
    named.aside.map(({ database }) => database),
    ['crm', 'shop'],
  );
});

t.test('replaces nothing that was named but is not in the plan', async (t) => {
  const present = new Set(['shop', 'crm']);
  const plan = planRestore(manifest, { ...wish, present, databases: ['shop'], overwrite: ['shop', 'crm'] });
  t.same(
    plan.aside.map(({ database }) => database),
    ['shop'],
  );
  t.match(plan.remarks, [{ kind: 'warning', text: /^crm is named to be overwritten .* nothing is done to it$/ }]);
  const dropped = planRestore(manifest, { ...wish, present, databases: ['shop'], overwrite: [], dropFirst: ['shpo'] });
  t.match(dropped.remarks, [{ kind: 'warning', text: /^shpo is named/, hint: /^what is restored: shop;/ }]);
});

t.test('refuses a database that the run does not have, and names those that it has', async (t) => {
  t.throws(() => planRestore(manifest, { ...wish, databases: ['shpo'] }), {
    code: 'not-found',
    hint: /^it has: crm, shop$/,
  });
});

t.test('a name with a dot in it, without its backticks, is told with them', async (t) => {
  const dotted = { ...manifest, archives: [archive('my.shop'), shop] };
  const asked = (database: string, table: string) => () =>
    planRestore(dotted, {
      ...wish,
      databases: [database],
      selection: {
        ...{ tables: [{ database, table }], schemaOnly: false, as: null, asAnyway: false },
        ...{ definer: { kind: 'keep' }, events: 'keep' },
      },
    });
  t.throws(asked('my', 'shop.orders'), {
    code: 'not-found',
    hint: /backticks: --table '`my\.shop`\.`orders`'; it has: /,
  });
  t.throws(asked('a', 'b.c.d'), { code: 'not-found', hint: /backticks: --table '`a\.b\.c`\.`d`'; it has: / });
  t.throws(asked('my', 'orders'), { code: 'not-found', hint: /^it has: / });
});

t.test('refuses a failed run, and a copy that lacks a file', async (t) => {
  t.throws(() => planRestore({ ...manifest, outcome: 'failed' }, wish), { code: 'not-found' });
  t.throws(() => planRestore({ ...manifest, dayArchive: null }, { ...wish, files: files.slice(1) }), {
    code: 'verification-failed',
    message: /crm\.tar\.gz\.enc/,
  });
});

t.test('refuses before it drops anything when the server would not take the largest row', async (t) => {
  const large = { ...manifest, archives: [{ ...shop, largestStatementBytes: 40_000_000 }] };
  t.throws(() => planRestore(large, wish), { code: 'refused', hint: /SET GLOBAL max_allowed_packet = \d+;/ });
});

t.test('tells the server to take functions and triggers only where there are any', async (t) => {
  const plain = { ...shop, routines: 0, triggers: 0 };
  const coded = { ...archive('crm'), triggers: 0, routines: 1 };
  const wanted = (archives: Archive[], storedCode: RestoreWish['storedCode']) =>
    planRestore({ ...manifest, archives }, { ...wish, storedCode }).trustsCreators;
  t.strictSame(
    [wanted([plain], 'on-demand'), wanted([plain], 'refused'), wanted([coded], 'taken')],
    Array(3).fill(false),
  );
  t.ok(wanted([coded, plain], 'on-demand'));
  t.throws(() => wanted([coded, plain], 'refused'), {
    code: 'refused',
    message: /^cannot restore crm: /,
    hint: /= 1;$/,
  });
});

t.test('sequences need a binary log that takes rows, which a session may be able to ask for', async (t) => {
  const counting = {
    ...manifest,
    archives: manifest.archives.map((each) => ({ ...each, sequences: each.database ? 1 : 0 })),
  };
  t.equal(planRestore(counting, wish).mixesLog, false);
  t.equal(planRestore(counting, { ...wish, sequences: 'on-demand' }).mixesLog, true);
  t.equal(planRestore(manifest, { ...wish, sequences: 'on-demand' }).mixesLog, false);
  t.throws(() => planRestore(counting, { ...wish, sequences: 'refused' }), {
    code: 'refused',
    message: /cannot restore crm, shop: the server's binary log holds statements alone/,
    hint: /SET GLOBAL binlog_format = MIXED/,
  });
});

t.test("the server's own databases are nobody's target", async (t) => {
  for (const name of ['mysql', 'Sys', 'information_schema']) {
    const odd = { ...manifest, archives: [{ ...shop, database: DatabaseName.parse(name) }] };
    t.throws(() => planRestore(odd, { ...wish, overwrite: [name], dropFirst: [name] }), {
      code: 'refused',
      message: new RegExp(`cannot restore into ${name}: that database is the server's own`),
    });
  }
});
