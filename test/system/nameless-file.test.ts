import t from 'tap';
import { run } from '../../lib/system/command.ts';
import { openNamelessFile } from '../../lib/system/nameless-file.ts';

t.test('a program can read it, and it has no name by which another could', async (t) => {
  const file = await openNamelessFile(Buffer.from('[client]\npassword = "x"\n'));
  const { nlink, mode } = await file.stat();
  t.equal(nlink, 0);
  t.equal(mode & 0o777, 0o600);
  const read = await run('cat', ['/dev/fd/3'], { thirdFile: file.fd, input: 'for nobody' });
  t.match(read, { exitCode: 0, stdout: '[client]\npassword = "x"\n' });
  await file.close();
});
