import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { recoverByHand } from '../../lib/flow/recover-by-hand.ts';
import { asCoffreError } from '../../lib/model/error.ts';
import { findProgram } from '../../lib/system/programs.ts';

const skip = findProgram('script') ? false : 'there is no script(1) here';

t.test('tells what the programs made of it, and nothing of the rows that they repeat', { skip }, async (t) => {
  const folder = t.testdir({ '.my.cnf': '', 'key.pem': '' });
  const said = [
    'RECOVERY.txt: OK',
    'shop.tar.gz.enc: FAILED',
    '--------------',
    'INSERT INTO `customer` VALUES',
    "(1,'Ada Lovelace'),",
    "(2,'tar: Grace Hopper')",
    '--------------',
    '',
    "ERROR 1062 (23000) at line 7: Duplicate entry 'Ada Lovelace' for key 'name'",
  ];
  const commands = said.map((line) => `    $ printf '%s\\n' '${line.replaceAll("'", `'\\''`)}'`);
  writeFileSync(join(folder, 'RECOVERY.txt'), `${commands.join('\n')}\n    $ exit 3\n`);
  const failure = await recoverByHand({
    ...{ runFolder: folder, recipient: 'company', privateKeyPath: join(folder, 'key.pem'), passphrase: 'never asked' },
    clientOptions: join(folder, '.my.cnf'),
  }).catch(asCoffreError);
  t.match(failure, { code: 'verification-failed', message: /the shell ended with 3$/ });
  t.strictSame(failure?.findings, [
    'shop.tar.gz.enc: FAILED',
    "ERROR 1062 (23000) at line 7: Duplicate entry '…' for key 'name'",
  ]);
});
