import t from 'tap';
import { planRestore, type RestoreWish } from '../../lib/flow/plan-restore.ts';
import { loadedAs, planSelections, remarksOnSelections } from '../../lib/flow/plan-selections.ts';
import type { Archive } from '../../lib/model/archive-record.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { SelectionWish } from '../../lib/model/selection.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { restoreWishOf } from '../fixture/restore-wish.ts';

const base = manifestOf('db1', new Date('2026-11-22T04:00:00Z'));
const [shop] = base.archives as [Archive];
const crm: Archive = { ...shop, database: DatabaseName.parse('crm'), file: 'crm.tar.gz.enc' };
const accounts: Archive = { ...shop, kind: 'accounts', database: null, file: '@accounts.tar.gz.enc' };
const all = [crm, shop, accounts];
const wish: SelectionWish = {
  ...{ tables: [], schemaOnly: false, as: null, asAnyway: false, events: 'keep' },
  definer: { kind: 'keep' },
};
const AS = DatabaseName.parse('shop_old');

t.test('what asks for nothing changes nothing', async (t) => {
  t.equal(planSelections(undefined, all).size, 0);
  t.equal(planSelections(wish, all).size, 0);
  t.equal(planSelections({ ...wish, as: DatabaseName.parse('shop') }, [shop]).size, 0, 'its own name is no other one');
});

t.test('every database gets what is asked for all, and the accounts nothing', async (t) => {
  const selections = planSelections({ ...wish, schemaOnly: true, definer: { kind: 'invoker' } }, all);
  t.same([...selections.keys()], [crm, shop]);
  t.match(selections.get(crm), { schemaOnly: true, tables: null, as: null, definer: { kind: 'invoker' } });
  t.equal(loadedAs(accounts, selections), null);
});

t.test('tables are taken of their own database alone', async (t) => {
  const tables = ['orders', 'lines', 'orders'].map((table) => ({ database: 'shop', table }));
  const selections = planSelections({ ...wish, tables }, all);
  t.same([...selections], [[shop, { ...selections.get(shop), tables: ['orders', 'lines'] }]]);
  t.throws(() => planSelections({ ...wish, tables }, [crm]), { code: 'usage', hint: /--database shop/ });
});

t.test('another name is for exactly one database, and one that the dump program can dump', async (t) => {
  t.equal(loadedAs(shop, planSelections({ ...wish, as: AS }, [shop, accounts])), 'shop_old');
  t.throws(() => planSelections({ ...wish, as: AS }, all), { code: 'usage', message: /2 databases as shop_old/ });
  t.throws(() => planSelections({ ...wish, as: AS }, [accounts]), {
    code: 'usage',
    message: /no database as shop_old/,
  });
  for (const as of ["o'ld", 'o"ld', 'o\\ld', 'o\nld', 'old ', 'x'.repeat(65)]) {
    t.throws(() => planSelections({ ...wish, as: as as DatabaseName }, [shop]), { code: 'usage' }, as);
  }
  for (const as of ['shop__coffre_old_20261122t040506z', 'X__COFFRE_OLD_', '__coffre_trust_0123456789abcdef']) {
    const own = { code: 'usage', message: /restores take such a database for one of their own$/ };
    t.throws(() => planSelections({ ...wish, as: as as DatabaseName }, [shop]), own, as);
  }
});

t.test('a copy whose events would be at work beside those of the original is remarked on', async (t) => {
  const eventful = { ...shop, events: 2 };
  const remarks = (changes: Partial<SelectionWish>, archive = eventful) =>
    remarksOnSelections(planSelections({ ...wish, ...changes }, [archive])).map(({ hint }) => hint);
  t.match(remarks({ as: AS }), [/--events disabled$/]);
  t.same(remarks({ as: AS, events: 'disabled' }), []);
  t.same(remarks({ schemaOnly: true }), [], 'it takes the place of the other one');
  t.same(remarks({ as: AS }, { ...shop, events: 0 }), []);
});

t.test('a wish gets through JSON, as it is sent to a host', async (t) => {
  const mapped: SelectionWish = { ...wish, definer: { kind: 'map', accounts: [{ from: 'a@b', to: 'c@d' }] }, as: AS };
  t.same(SelectionWish.parse(JSON.parse(JSON.stringify(mapped))), mapped);
});

t.test(
  'a database that is there is dropped under the name that is loaded, or joined, and never for some tables',
  async (t) => {
    const manifest = { ...base, archives: all };
    const planned = (changes: Partial<RestoreWish>) =>
      planRestore(manifest, {
        ...restoreWishOf(all.map(({ file }) => file)),
        ...{ databases: ['shop'], accounts: false, present: new Set(['shop']) },
        ...changes,
      });
    const tables = [{ database: 'shop', table: 'orders' }];
    t.match(planned({ selection: { ...wish, as: AS } }), { drops: [], refused: [], joined: [] });
    t.match(planned({ selection: { ...wish, as: AS }, present: new Set(['shop_old']) }), { refused: ['shop_old'] });
    t.match(planned({ selection: { ...wish, tables } }), { drops: [], refused: [], joined: ['shop'] });
    t.match(planned({ selection: { ...wish, tables, as: AS } }), { drops: [], refused: [], joined: [] });
    t.throws(() => planned({ selection: { ...wish, tables }, overwrite: ['shop'] }), { code: 'refused' });
  },
);

t.test(
  'a schema without rows takes the place of no database that is there, unless that is to be dropped',
  async (t) => {
    const manifest = { ...base, archives: all };
    const files = all.map(({ file }) => file);
    const asked = { ...restoreWishOf(files), selection: { ...wish, schemaOnly: true }, databases: ['shop'] };
    const present = new Set(['shop', 'crm']);
    for (const overwrite of [['shop'], []]) {
      t.throws(() => planRestore(manifest, { ...asked, present, overwrite }), {
        code: 'refused',
        exitCode: 8,
        message: 'cannot restore the schema alone over shop: the server has it, and all its rows would be lost',
        hint: /--as NAME; .*: --drop-first shop$/,
      });
    }
    t.strictSame(planRestore(manifest, { ...asked, present, dropFirst: ['shop'] }).drops, ['shop']);
    const beside = { ...asked, present, selection: { ...asked.selection, as: AS } };
    t.strictSame(planRestore(manifest, beside).creates, [AS]);
  },
);
