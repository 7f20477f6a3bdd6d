import t from 'tap';
import type { FoundAside } from '../../lib/database/aside.ts';
import type { Movable } from '../../lib/database/movable.ts';
import { assertAllowed, planReplacements, type ReplacementWish } from '../../lib/flow/plan-replacements.ts';
import { DatabaseName } from '../../lib/model/names.ts';

const names = (...all: string[]) => all.map((name) => DatabaseName.parse(name));
const [SHOP, CRM] = names('shop', 'crm') as [DatabaseName, DatabaseName];
const wish: ReplacementWish = {
  present: new Set(['mysql', 'shop', 'crm']),
  foldsNames: false,
  asides: [],
  movable: [],
  storedCode: 'taken',
  overwrite: [],
  dropFirst: [],
  at: new Date('2026-11-23T10:00:00Z'),
};
const plan = (databases: readonly DatabaseName[], changes: Partial<ReplacementWish> = {}) =>
  planReplacements(databases, { ...wish, ...changes });
const movable = (database: DatabaseName, ...obstacles: string[]) => ({
  database,
  obstacles,
  ties: [] as Movable['ties'],
  hasCode: true,
  dataBytes: 1,
});
const aside = (state: FoundAside['state'], standing: string | null = null, database = SHOP): FoundAside => ({
  ...{ database, state, run: 'x', standing, atWork: false },
  name: DatabaseName.parse(`${database}__coffre_old_20260101t000000z`),
});

t.test('a database that is named is moved aside, and nothing else is touched', async (t) => {
  t.match(plan([SHOP, CRM], { overwrite: ['shop'] }), {
    aside: [{ database: 'shop', by: 'shop', name: 'shop__coffre_old_20261123t100000z' }],
    drops: [],
    refused: ['crm'],
  });
  t.match(plan(names('new'), { overwrite: ['shop', 'new'] }), { aside: [], drops: [], refused: [] });
});

t.test('one that cannot be moved is refused with the reason, until it is named to be dropped first', async (t) => {
  const stuck = {
    overwrite: ['shop'],
    movable: [movable(SHOP, 'it is stuck', 'and heavy'), movable(CRM, 'not asked for')],
  };
  const refused = plan([SHOP, CRM], stuck);
  t.match(refused, {
    aside: [],
    refused: ['crm', 'shop'],
    immovable: [{ database: 'shop', obstacles: ['it is stuck', 'and heavy'] }],
  });
  t.throws(() => assertAllowed(refused), {
    code: 'refused',
    message: /^cannot restore crm: /,
    hint: /--overwrite crm$/,
  });
  t.throws(() => assertAllowed(plan([SHOP], stuck)), {
    exitCode: 8,
    message: 'cannot move shop out of the way: it is stuck',
    hint: /--drop-first shop$/,
    findings: ['shop: it is stuck', 'shop: and heavy'],
  });
  const dropped = plan([SHOP], { ...stuck, dropFirst: ['shop'] });
  t.match(dropped, { aside: [], drops: ['shop'], refused: [] });
  assertAllowed(dropped);
});

t.test('databases that refer to each other go together, or not at all', async (t) => {
  const tie = (database: string) => ({ database, why: `the table \`${database}\`.\`t\` refers to it` });
  const tied = [{ ...movable(SHOP), ties: [tie('crm')] }, movable(CRM)];
  t.match(plan([SHOP, CRM], { overwrite: ['shop', 'crm'], movable: tied }), {
    aside: [
      { database: 'shop', tied: ['crm'] },
      { database: 'crm', tied: [] },
    ],
    immovable: [],
  });
  t.match(plan([SHOP], { overwrite: ['shop'], movable: tied }), {
    aside: [],
    immovable: [{ database: 'shop', obstacles: [/`crm`\.`t` refers to it/] }],
  });
  const stuck = [{ ...movable(SHOP), ties: [tie('crm')] }, movable(CRM, 'it is stuck')];
  t.match(plan([SHOP, CRM], { overwrite: ['shop', 'crm'], movable: stuck }), {
    aside: [],
    immovable: [{ database: 'shop' }, { database: 'crm', obstacles: ['it is stuck'] }],
  });
  const dropped = { overwrite: ['shop'], dropFirst: ['crm'], movable: tied };
  t.match(plan([SHOP, CRM], dropped), { aside: [{ database: 'shop' }], drops: ['crm'], immovable: [] });
});

t.test('what could not be made anew by this account is not moved', async (t) => {
  const refused = plan([SHOP], { overwrite: ['shop'], storedCode: 'refused', movable: [movable(SHOP)] });
  t.match(refused, { refused: ['shop'], immovable: [{ obstacles: [/log_bin_trust_function_creators/] }] });
});

t.test(
  'what a restore that was cut short has left is settled first, and its database named all the same',
  async (t) => {
    const gone = { present: new Set(['crm']), asides: [aside('moved')] };
    t.match(plan([SHOP, CRM], gone), { interrupted: [{ state: 'moved' }], refused: ['crm', 'shop'] }, 'it comes back');
    t.match(plan([SHOP], { ...gone, overwrite: ['shop'] }), { aside: [{ database: 'shop' }], refused: [] });
    t.match(plan([CRM], { ...gone, overwrite: ['crm'] }), { interrupted: [], aside: [{ database: 'crm' }] });
    t.strictSame(plan([SHOP], { asides: [aside('kept')] }).interrupted, [], 'what was kept is left to a person');
    t.throws(() => assertAllowed(plan([SHOP], gone)), {
      code: 'refused',
      message: /^cannot restore shop: an earlier restore of it was cut short, and the old one is in shop__coffre_old_/,
      hint: /--put-back shop; .*: --overwrite shop$/,
    });
  },
);

t.test('what stands where a restore was cut short is not dropped by any other word than its own', async (t) => {
  const asides = [aside('moved', '2 tables')];
  for (const words of [
    {},
    { overwrite: ['shop'] },
    { dropFirst: ['shop'] },
    { overwrite: ['shop'], dropFirst: ['shop'] },
  ]) {
    const planned = plan([SHOP, CRM], { asides, ...words });
    t.match(planned, { unsettled: [{ database: 'shop' }], aside: [], drops: [], refused: ['crm', 'shop'] });
    t.throws(() => assertAllowed(planned), {
      exitCode: 8,
      message: /^cannot restore shop: .*\(2 tables\) in which somebody may have worked since$/,
      hint: /: npx zx tasks\/restore\.ts --put-back shop --drop-first shop; then restore again$/,
    });
  }
  for (const state of ['begun', 'moving', 'replaced'] as const)
    t.strictSame(plan([SHOP], { asides: [aside(state, '2 tables')] }).unsettled, [], state);
});

t.test('what another restore is at is not called cut short', async (t) => {
  const asides = [{ ...aside('moved', '2 tables'), atWork: true }];
  t.throws(() => plan([SHOP], { asides }), { code: 'locked', exitCode: 6, message: /another restore is at it$/ });
  t.match(plan([CRM], { asides }), { interrupted: [], unsettled: [] });
});

t.test('a server that writes names in lower case has one database for two of a run', async (t) => {
  const [upper] = names('Shop') as [DatabaseName];
  t.throws(() => plan([upper, SHOP], { foldsNames: true }), { code: 'refused', message: /Shop and shop: / });
  t.match(plan([upper], { foldsNames: true, overwrite: ['Shop'] }), { aside: [{ database: 'shop', by: 'Shop' }] });
  t.strictSame(plan([upper], { foldsNames: true }).refused, ['shop'], 'the one that is there is not loaded over');
  t.strictSame(plan([upper]).refused, [], 'elsewhere they are two');
});
