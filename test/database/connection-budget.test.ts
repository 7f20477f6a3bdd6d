import t from 'tap';
import { type ConnectionFacts, connectionBudget } from '../../lib/database/connection-budget.ts';

const facts = (changes: Partial<ConnectionFacts>): ConnectionFacts => ({
  maxConnections: 151,
  usedConnections: 20,
  accountLimit: 0,
  accountConnections: 0,
  ...changes,
});

t.test('leaves some to others, and counts the sessions and the accounts', async (t) => {
  t.equal(connectionBudget(facts({}), 1), 151 - 20 - 3 - 2);
  t.equal(connectionBudget(facts({ accountLimit: 5 }), 1), 3);
  t.equal(connectionBudget(facts({ accountLimit: 5, accountConnections: 1 }), 2), 1);
  t.equal(connectionBudget(facts({ maxConnections: 26 }), 1), 1);
});

t.test('refuses what cannot be, and names the number and the setting', async (t) => {
  t.throws(() => connectionBudget(facts({ maxConnections: 25 }), 1), {
    code: 'dump-failed',
    message: 'cannot take one snapshot: 6 connections are needed, and 5 of 25 are free',
    hint: 'run as an administrator: SET GLOBAL max_connections = 26;',
  });
  t.throws(() => connectionBudget(facts({ accountLimit: 3 }), 2), {
    code: 'dump-failed',
    message: 'cannot take one snapshot: 4 connections of the account are needed, and it may have 3',
    hint: /MAX_USER_CONNECTIONS 4/,
  });
});
