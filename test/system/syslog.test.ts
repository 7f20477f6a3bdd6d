import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { learnSecret } from '../../lib/system/known-secrets.ts';
import { openSyslog } from '../../lib/system/syslog.ts';
import { temporaryFolder } from '../temporary.ts';

t.test('every line goes through the redactor, with its level, to whoever listens', async (t) => {
  const { path: folder, remove } = temporaryFolder(); // a socket's path is short
  t.teardown(remove);
  const socket = join(folder, 'log');
  t.equal(openSyslog(socket), undefined, 'nobody listens');
  writeFileSync(socket, '');
  t.equal(openSyslog(socket), undefined, 'a file is no socket');
  rmSync(socket);
  let heard = '';
  const server = createServer((connection) => {
    connection.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
  });
  await new Promise<void>((listening) => server.listen(socket, listening));
  const log = openSyslog(socket);
  const secret = 'p4ssword-of-the-account';
  learnSecret(secret);
  log?.write('err', `text="cannot log in with ${secret}" and ${Buffer.from(secret).toString('hex')}`);
  log?.write('info', `text=${'x'.repeat(4000)} end`);
  await log?.close();
  await new Promise((settle) => server.close(settle));
  const [first = '', second = ''] = heard.split('\n');
  t.match(first, /^<27>.* coffre\[\d+\]: text="cannot log in with \[secret\]" and \[secret\]$/);
  t.match(second, /^<30>.*x{4000} end$/, 'it is not cut at a kibibyte');
  t.notOk(heard.includes(secret));
});
