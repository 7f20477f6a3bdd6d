import t from 'tap';
import { parseGtidSet } from '../../lib/database/gtid-set.ts';
import type { SeedTarget } from '../../lib/database/seed-target.ts';
import { planSeed } from '../../lib/flow/plan-seed.ts';
import type { Manifest } from '../../lib/model/manifest.ts';
import type { ReplicationRecord } from '../../lib/model/snapshot-record.ts';
import { manifestOf } from '../fixture/manifest.ts';

const PRIMARY = { address: '10.0.0.1', port: 3306, ca: null };
const EMPTY: SeedTarget = {
  databases: [],
  unused: [],
  follows: [],
  ownLog: new Map(),
  serverId: 9,
  readOnly: true,
  runsEvents: false,
};
const SOURCE = {
  name: '',
  lagSeconds: 0,
  delaySeconds: 0,
  usesGtid: true,
  filtered: false,
  binlog: { file: 'b.7', position: 42 },
};
const REPLICATION: ReplicationRecord = {
  sources: [SOURCE],
  gtid: '0-1-77',
  applier: 'held',
  consistent: true,
  ownWrites: false,
};

const run = (changes: Partial<Manifest> = {}) => manifestOf('db1', new Date('2026-11-22T04:00:00Z'), changes);
const replicaRun = (changes: Partial<ReplicationRecord> = {}) =>
  run({ server: { version: '10.11.6-MariaDB', replication: { ...REPLICATION, ...changes } } });
const startOf = (manifest: Manifest) => planSeed(manifest, PRIMARY, EMPTY).start;
const withoutGtid = (binlog: { file: string; position: number } | null) => {
  const { snapshot } = run();
  return run({ snapshot: snapshot && { ...snapshot, gtid: null, binlog } });
};

t.test(
  "begins at the server's own coordinates in a run of the primary, and at the primary's in one of a replica",
  async (t) => {
    t.strictSame(startOf(run()), { kind: 'gtid', gtid: '0-1-99' });
    t.strictSame(startOf(withoutGtid({ file: 'b.1', position: 5 })), { kind: 'position', file: 'b.1', position: 5 });
    t.strictSame(startOf(replicaRun()), { kind: 'gtid', gtid: '0-1-77' });
    t.strictSame(startOf(replicaRun({ gtid: null })), { kind: 'position', file: 'b.7', position: 42 });
    t.match(planSeed(run(), PRIMARY, EMPTY), {
      takenFrom: 'primary',
      primary: PRIMARY,
      notPointInTime: [],
      readOnly: true,
    });
    t.match(planSeed(replicaRun(), PRIMARY, EMPTY), { takenFrom: 'replica' });
  },
);

t.test('refuses a run that does not say where to begin', async (t) => {
  const refused: readonly (readonly [Manifest, RegExp])[] = [
    [withoutGtid(null), /has no binary log$/],
    [replicaRun({ consistent: false }), /is not certain$/],
    [replicaRun({ gtid: null, sources: [{ ...SOURCE, binlog: null }] }), /is not certain$/],
    [replicaRun({ sources: [{ ...SOURCE, filtered: true }] }), /leaves out parts/],
    [
      replicaRun({
        sources: [
          { ...SOURCE, name: 'erp' },
          { ...SOURCE, name: null },
        ],
      }),
      /follows 2 primaries \("erp", "\?"\)$/,
    ],
  ];
  for (const [manifest, message] of refused) t.throws(() => startOf(manifest), { code: 'refused', message, hint: /./ });
});

t.test('refuses a server that is not empty, and says everything at once', async (t) => {
  const refusal = (target: Partial<SeedTarget>, manifest = run()) => {
    try {
      planSeed(manifest, PRIMARY, { ...EMPTY, ...target });
    } catch (error) {
      return error;
    }
    return undefined;
  };
  t.match(refusal({ databases: ['shop'], follows: ['10.0.0.1:3306'], ownLog: parseGtidSet('0-9-1'), serverId: 1 }), {
    code: 'refused',
    exitCode: 8,
    message: 'cannot make a replica: the server is not empty: it has shop',
    findings: [
      /^the server is not empty/,
      /follows 10.0.0.1:3306 already/,
      /of the domain 0 .*RESET MASTER/,
      /server_id of the primary, 1 /,
    ],
  });
  t.equal(refusal({ unused: ['test'] }), undefined, 'what it was installed with, and empty');
  t.match(
    refusal({ unused: ['shop'] }),
    { message: /it has shop$/, hint: /RESET MASTER/ },
    'the run brings one of that name',
  );
  t.equal(refusal({ ownLog: parseGtidSet('7-9-1') }), undefined, 'another domain does no harm');
  t.equal(refusal({ ownLog: null }), undefined);
  t.equal(refusal({ runsEvents: true }), undefined, 'there are no events');
  const [shop] = run().archives;
  const archives = shop ? [{ ...shop, events: 1 }] : [];
  t.match(refusal({ runsEvents: true }, run({ archives })), { message: /its events would run here/ });
});

t.test('names the databases whose tables may be newer', async (t) => {
  const [shop] = run().archives;
  const archives = shop ? [{ ...shop, notPointInTimeTables: 2 }] : [];
  t.strictSame(planSeed(run({ archives }), PRIMARY, EMPTY).notPointInTime, ['shop']);
});
