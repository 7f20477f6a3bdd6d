import t from 'tap';
import { inOwnWords } from '../../tasks/own-words.ts';

const hint = 'let it sign: npx zx tasks/keys.ts signer db1; or from control: npx zx tasks/provision.ts db1 && npx zx x';

t.test('a hint names the command of the place where it is read', async (t) => {
  const before = process.env.COFFRE_COMMAND;
  t.teardown(() => {
    delete process.env.COFFRE_COMMAND;
    if (before !== undefined) process.env.COFFRE_COMMAND = before;
  });
  delete process.env.COFFRE_COMMAND;
  t.equal(inOwnWords(hint), hint, 'a checkout');
  process.env.COFFRE_COMMAND = 'coffre';
  const onHost = 'let it sign: coffre keys signer db1; or from control: npx zx tasks/provision.ts db1 && npx zx x';
  t.equal(inOwnWords(hint), onHost, 'the agent has no provision');
  t.equal(inOwnWords('npx zx tasks/list.ts npx zx tasks/list.ts'), 'coffre list coffre list');
});
