import t from 'tap';
import { formatRestore } from '../../lib/report/restore-result.ts';

const plan = {
  ...{ where: 'store', run: '2026-11-22T040000Z', archives: [], drops: [], refused: [] },
  ...{ interrupted: [], aside: [], immovable: [], remarks: [], readBytes: 1, plainBytes: 1 },
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
