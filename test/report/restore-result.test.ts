import t from 'tap';
import { formatRestore } from '../../lib/report/restore-result.ts';

const plan = {
  ...{
    where: 'store',
    into: 'the database at /run/x.sock',
    run: '2026-11-22T040000Z',
    archives: [],
    drops: [],
    refused: [],
  },
  ...{
    leftTrusting: false,
    interrupted: [],
    unsettled: [],
    aside: [],
    joined: [],
    immovable: [],
    remarks: [],
    readBytes: 1,
    plainBytes: 1,
  },
  estimate: { needsBytes: 1, freeBytes: null, oldBytes: 0, seconds: 1 },
};
const seed = {
  primary: { address: '10.0.0.1', port: 3306 },
  start: { kind: 'gtid', gtid: '0-1-7' },
  takenFrom: 'primary',
} as const;
type Done = NonNullable<NonNullable<Parameters<typeof formatRestore>[0]['seed']>['done']>;

const said = (done: Done | null) =>
  formatRestore({ plan, compared: [], seed: { plan: seed, done } }, done === null)
    .split('\n')
    .at(-1);

t.test('a new replica is called caught up only when it is', async (t) => {
  const about = (how: string) =>
    `follows 10.0.0.1:3306 from the GTID 0-1-7 on, and ${how}: the run was taken from that server`;
  t.equal(said({ kind: 'caught-up', lagSeconds: 3 }), about('has caught up with it'));
  t.equal(said({ kind: 'quiet', lagSeconds: 0 }), about('has applied all that has come from it so far'));
  const look = 'look again with SHOW SLAVE STATUS';
  t.equal(
    said({ kind: 'behind', lagSeconds: 412 }),
    about(`is still catching up (behind: 412 s by its own account; ${look})`),
  );
  t.match(said({ kind: 'behind', lagSeconds: null }), 'behind: nobody knows how far;');
  t.equal(said(null), 'would then follow 10.0.0.1:3306 from the GTID 0-1-7 on: the run was taken from that server');
});

t.test('a plan says what becomes of each database, from where, and what it needs', async (t) => {
  const archive = (database: string | null) => ({ database, tables: 2, plainBytes: 3 * 1024 ** 3 });
  const text = formatRestore(
    {
      plan: {
        ...plan,
        joined: ['joined'],
        archives: ['new', 'joined', 'moved', 'stuck', 'named', 'there', 'half', null].map(archive),
        aside: [{ by: 'moved', name: 'moved__old' }],
        drops: ['named'],
        refused: ['stuck', 'there', 'half'],
        immovable: [{ database: 'stuck', obstacles: ['it is\nstuck'] }],
        interrupted: [
          { database: 'moved', name: 'moved__older', state: 'moving' },
          { database: 'half', name: 'half__older', state: 'moved' },
        ],
        unsettled: [{ database: 'half', standing: '2 tables' }],
        estimate: { needsBytes: 4 * 1024 ** 3, freeBytes: 5 * 1024 ** 3, oldBytes: 1024 ** 3, seconds: 125 },
        remarks: [{ kind: 'warning', text: 'look out', hint: 'run' }],
      },
      copies: [
        { place: 'store', verdict: 'it is damaged' },
        { place: 'export', verdict: 'taken' },
      ],
      compared: [],
    },
    true,
  );
  t.equal(
    text,
    `database    would                                                                                  tables  SQL
new         create and load                                                                        2       3.0 GiB
joined      load beside what is there                                                              2       3.0 GiB
moved       move aside as moved__old, load, compare, then DROP the old one                         2       3.0 GiB
stuck       REFUSE: it cannot be moved; --drop-first names it                                      2       3.0 GiB
named       DROP, then load                                                                        2       3.0 GiB
there       REFUSE: it is there; --overwrite names it                                              2       3.0 GiB
half        REFUSE: an earlier restore of it is unfinished; --put-back with --drop-first names it  2       3.0 GiB
(accounts)  load, also into accounts that are there                                                2       3.0 GiB

would restore 2026-11-22T040000Z of store: 1 B to be verified first, and then read
into     the database at /run/x.sock
not from store: it is damaged
space    about 4.0 GiB in the server's data folder, and 5.0 GiB are free there; the old ones keep 1.0 GiB until then
time     about 2 min 5 s
first    an earlier restore of moved was cut short: the old one comes back from moved__older
refused  an earlier restore of half was cut short, and somebody may have worked since in what is there (2 tables)
refused  stuck cannot be moved out of the way: it is\\x0astuck
warning  look out (run)`,
  );
});

t.test('a result says of which accounts the server has another password than the backup', async (t) => {
  const text = formatRestore({ plan, compared: [], keptLogins: ['root keeps\nits own'] }, false);
  t.equal(text.split('\n').at(-1), 'root keeps\\x0aits own');
});

t.test('of a part nobody knows how large it is before it is read: at most as large as the whole', async (t) => {
  const whole = { database: 'shop', tables: 9, plainBytes: 3 * 1024 ** 3 };
  const part = { ...{ as: null, schemaOnly: false, definer: { kind: 'keep' }, events: 'keep' }, tables: ['orders'] };
  const said = (
    selection: typeof part | { [Key in keyof typeof part]: Key extends 'tables' ? null : (typeof part)[Key] },
  ) =>
    formatRestore(
      { plan: { ...plan, archives: [whole], selections: new Map([[whole, selection]]) }, compared: [] },
      true,
    );
  t.match(said(part), /only orders +1 +at most 3\.0 GiB\n/);
  t.match(said(part), /\nspace {4}at most about 1 B .*\ntime {5}at most about 1/);
  t.match(said({ ...part, tables: null, schemaOnly: true }), /without rows +9 +at most 3\.0 GiB\n/);
  t.match(said({ ...part, tables: null }), /create and load +9 +3\.0 GiB\n/);
});
