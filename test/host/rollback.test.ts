import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { rollbackResource } from '../../lib/host/rollback.ts';

const none = { code: 'not-found', message: /no release before the current one is kept/, hint: /git checkout COMMIT/ };

t.test('a plan of a rollback says so when there is nothing to roll back to', async (t) => {
  const path = t.testdir();
  await t.rejects(rollbackResource(join(path, 'never-installed')).inspect(), none);
  await t.rejects(rollbackResource(path).inspect(), none);
  await mkdir(join(path, '1.0.0-aaaaaaaa'));
  await symlink('1.0.0-aaaaaaaa', join(path, 'current'));
  await t.rejects(rollbackResource(path).inspect(), none, 'the only one');
  await symlink('0.9.0-bbbbbbbb', join(path, 'previous'));
  await t.rejects(rollbackResource(path).inspect(), none, 'the link leads nowhere');
  await mkdir(join(path, '0.9.0-bbbbbbbb'));
  t.match(await rollbackResource(path).inspect(), {
    action: 'change',
    lines: ['-current -> 1.0.0-aaaaaaaa', '+current -> 0.9.0-bbbbbbbb'],
  });
});
