import { inspect } from 'node:util';
import t from 'tap';
import { Passphrase } from '../../lib/seal/passphrase.ts';

t.test('is 64 hex digits, another one each time, and comes back from its text', async (t) => {
  const passphrase = Passphrase.random();
  t.match(passphrase.reveal(), /^[0-9a-f]{64}$/);
  t.not(passphrase.reveal(), Passphrase.random().reveal());
  t.equal(Passphrase.parse(`${passphrase.reveal()}\n`).reveal(), passphrase.reveal());
});

t.test('shows its text in no print, no log, no inspection and no JSON', async (t) => {
  const passphrase = Passphrase.random();
  const error = new Error(`with ${passphrase}`, { cause: passphrase });
  const shown = [`${passphrase}`, JSON.stringify({ passphrase }), inspect({ passphrase }, { showHidden: true })];
  for (const text of [...shown, inspect(error), Object.values(passphrase).join()]) {
    t.notOk(text.includes(passphrase.reveal()), text);
  }
});

t.test('refuses another form and does not repeat it', async (t) => {
  for (const text of ['', 'AB'.repeat(32), 'a'.repeat(63), `${'a'.repeat(64)}\n\n`, 'secret word']) {
    try {
      Passphrase.parse(text);
      t.fail(`took ${text}`);
    } catch (error) {
      t.match(error, { code: 'private-key' });
      t.notOk(text !== '' && inspect(error).includes(text));
    }
  }
});
