import { rmSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { CoffreError } from '../../lib/model/error.ts';
import { eventLine, failureLine } from '../../lib/report/log-line.ts';
import { STORE } from '../fixture/nothing-half-done.ts';
import { worldFor } from '../fixture/world.ts';

/* A real socket takes what logger(1) hands over, as that of a system log does. */

const head = { task: 'backup', machine: 'db1', run: '2026-11-22T040007Z' };

t.setTimeout(240_000);

t.test('a line is key=value, whatever stands in it, and one line', async (t) => {
  t.strictSame(eventLine(head, { kind: 'phase-ended', phase: 'dump', subject: 'db1', durationMs: 1234 }), {
    level: 'info',
    text: 'task=backup host=db1 run=2026-11-22T040007Z event=phase-ended phase=dump subject=db1 durationMs=1234',
  });
  const warned = eventLine(head, { kind: 'warning', subject: 'a b', text: 'he said "no"\nand left', hint: '' });
  t.equal(warned?.level, 'warning');
  t.match(warned?.text, / subject="a b" text="he said \\"no\\"\\\\x0aand left" hint=""$/);
  t.equal(eventLine(head, { kind: 'progress', phase: 'dump', subject: 'x', doneBytes: 1, totalBytes: 2 }), undefined);
  const error = new CoffreError('no-space', 'cannot write', { hint: 'df -h', findings: ['first', 'second'] });
  const nobody = { task: 'drill', machine: undefined, run: undefined };
  t.strictSame(failureLine(nobody, error), {
    level: 'err',
    text: 'task=drill event=failure code=no-space exitCode=4 text="cannot write" hint="df -h" finding=first',
  });
});

t.test('a night that no terminal watches tells the system log of itself, and why it has failed', async (t) => {
  const world = await worldFor(t, { shopRows: 1 });
  const socket = world.at('log');
  const lines: string[] = [];
  const server = createServer((connection) => {
    let text = '';
    connection.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      lines.push(...text.split('\n').slice(0, -1));
      text = text.slice(text.lastIndexOf('\n') + 1);
    });
  });
  await new Promise<void>((listening) => server.listen(socket, listening));
  t.teardown(() => server.close());
  const hostFile = join(world.inventoryFolder, 'hosts/db1.yaml');
  const host = parse(await readFile(hostFile, 'utf8')) as Record<string, unknown>;
  const logging = (log: object, more: object = {}) =>
    writeFile(hostFile, stringify({ ...host, ...more, log }, { lineWidth: 0 }));

  await logging({ syslog: true, socket });
  await world.goodRun();
  const [run = ''] = (await readdir(world.at(STORE))).filter((name) => name.endsWith('Z'));
  t.match(lines[0], /^<30>\w{3} [ \d]\d \d\d:\d\d:\d\d coffre\[\d+\]: task=backup host=db1 run=/, 'daemon, info');
  t.ok(
    lines.every((line) => line.includes(` host=db1 run=${run} event=`)),
    'each names the run',
  );
  for (const phase of ['preflight', 'dump', 'ship', 'publish'])
    t.ok(
      lines.some((line) => line.includes(`event=phase-ended phase=${phase} `)),
      phase,
    );
  t.match(lines.at(-1), /^<29>.* event=result exitCode=0$/, 'notice');

  lines.length = 0;
  const secret = 'S3cret-of-the-ping-address';
  const env = world.at('host/etc/coffre/.env');
  await writeFile(env, `COFFRE_HOOK=http://127.0.0.1:2/${secret}\n`, { mode: 0o600 });
  await world.server.stop();
  const notify = [{ kind: 'webhook', url: 'COFFRE_HOOK', on: ['start'] }];
  await logging({ syslog: true, socket }, { notify });
  t.equal((await world.task('backup', [])).exitCode, 7);
  const failures = lines.filter((line) => line.includes('event=failure'));
  t.equal(failures.length, 1);
  t.match(failures[0], /^<27>.* run=\S+ event=failure code=database-unreachable exitCode=7 text="cannot .*" hint="/);
  t.ok(lines.some((line) => /^<28>.* event=warning .*webhook was not told/.test(line)));
  t.notMatch(lines.join('\n'), secret);

  lines.length = 0;
  await logging({ syslog: false, socket });
  t.equal((await world.task('backup', [])).exitCode, 7);
  t.strictSame(lines, [], 'nor anything where the inventory does not want it');

  await logging({ syslog: true, socket });
  await writeFile(hostFile, `${await readFile(hostFile, 'utf8')}strange: 1\n`);
  t.equal((await world.task('backup', [])).exitCode, 2);
  t.strictSame(lines, [], 'whose inventory that is nobody knows');

  await logging({ syslog: true, socket });
  rmSync(socket);
  const unheard = await world.task('backup', []);
  t.equal(unheard.exitCode, 7, 'nobody listens, and nothing is worse for it');
  t.notMatch(unheard.stderr, /logger|syslog/);
});
