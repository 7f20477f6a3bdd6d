import t from 'tap';
import { formatTurns, type Turn, turnsVerdict } from './load-turns.ts';

const turns: readonly Turn[] = [
  ...[turn('idle', 1, 1000), turn('coffre', 1, 800, 4000), turn('dump', 1, 700, 2000)],
  ...[turn('idle', 2, 500), turn('coffre', 2, 450, 4000), turn('dump', 2, 250, 2000)],
];

t.test('a pace is compared with the idle turn of its own round', async (t) => {
  const table = formatTurns(turns);
  t.match(table, /^idle +750 +9\.0 +30$/m);
  t.match(table, /^coffre +4\.0 +625 +0\.85 +500 +9\.0 +30 +120$/m);
  t.match(table, /^dump +2\.0 +475 +0\.60 +550 +9\.0 +30$/m);
});

t.test('the aims are met', async (t) => {
  const { met, text } = turnsVerdict(turns);
  t.ok(met, text);
  t.match(text, /^met: the load kept 85 % of its pace, beside plain mariadb-dump 60 %$/m);
});

t.test('a lock that is held too long, a writer that waits too long, or a slower load miss them', async (t) => {
  const missed = (other: Partial<Turn>) => turnsVerdict([...turns, { ...turn('coffre', 2, 450, 4000), ...other }]);
  t.match(missed({ heldMs: 1001 }), { met: false, text: /MISSED: the lock was held for 1001 ms/ });
  t.match(missed({ longestWaitMs: 1200 }), { met: false, text: /MISSED: no writer waited longer than 1200 ms/ });
  const slow = turns.map((each) => (each.name === 'coffre' ? { ...each, tps: 100 } : each));
  t.match(turnsVerdict(slow), { met: false, text: /MISSED: the load kept 15 % of its pace/ });
});

t.test('what was not measured is not met', async (t) => {
  t.strictSame(turnsVerdict([turn('idle', 1, 1000)]), { met: false, text: 'NOT MEASURED' });
  const withoutDump = turns.filter(({ name }) => name !== 'dump');
  t.match(turnsVerdict(withoutDump), { met: false, text: /beside plain mariadb-dump \(not measured\)/ });
  const unlocked = turns.map((each) => ({ ...each, heldMs: null }));
  t.equal(turnsVerdict(unlocked).met, false);
});

function turn(name: string, round: number, tps: number, backupMs: number | null = null): Turn {
  return { name, round, tps, backupMs, p95Ms: 9, longestWaitMs: 30, heldMs: name === 'coffre' ? 120 : null };
}
