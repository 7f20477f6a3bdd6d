import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import type { Manifest } from '../../lib/model/manifest.ts';
import { addDriller, writeDriller } from '../fixture/driller.ts';
import { STORE } from '../fixture/nothing-half-done.ts';
import { worldFor } from '../fixture/world.ts';

/* Nights of a real host that tells of them, to a server on loopback. */

t.setTimeout(300_000);

t.test('who is named is told that a night began, and how it ended', async (t) => {
  const pings: { readonly path: string; readonly body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      pings.push({ path: request.url ?? '', body });
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const world = await worldFor(t);
  const { secrets } = await world.host();
  await writeFile(secrets.path, `COFFRE_PING=http://127.0.0.1:${port}/s3cret\n`, { mode: 0o600, flag: 'a' });
  const notify = [{ kind: 'healthchecks', url: 'COFFRE_PING' }];
  const inventory = await world.inventoryWith((host) => Object.assign(host, { notify }));

  const good = await world.task('backup', [], { inventory });
  t.equal(good.exitCode, 0, good.stderr);
  t.strictSame(
    pings.map(({ path }) => path),
    ['/s3cret/start', '/s3cret'],
  );
  t.match(
    pings.at(-1)?.body,
    /is done\nAt .*, run \d{4}-\d\d-\d\dT\d{6}Z\.\n\d+ databases, .* of SQL, .*\nCopies: store complete, /,
  );
  t.notMatch(pings.map(({ body }) => body).join('\n'), /shop|crm|\/tmp/, 'no name of a database, no path');
  t.notMatch(good.stdout + good.stderr, 's3cret');

  pings.length = 0;
  const away = await world.inventoryWith((host) =>
    Object.assign(host, { notify, store: { ...host.store, path: '/none', whenUnavailable: 'fail' } }),
  );
  const bad = await world.task('backup', [], { inventory: away });
  t.not(bad.exitCode, 0);
  t.strictSame(
    pings.map(({ path }) => path),
    ['/s3cret/start', '/s3cret/fail'],
  );
  t.match(pings.at(-1)?.body, /NEEDS A LOOK\n.*\nWhy: .* \([a-z-]+\)\.\nThere is no new backup\./);
});

t.test('who could not be told is in the next record, once; drills are told of, too', async (t) => {
  const pings: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      pings.push(`${request.url}\n${body}`);
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const world = await worldFor(t, { shopRows: 2 });
  const notify = [{ kind: 'healthchecks', url: 'COFFRE_PING' }];
  await addDriller(world, { notify, secrets: { path: world.at('driller/etc/.env') } });
  const { secrets } = await world.host();
  await writeFile(secrets.path, 'COFFRE_PING=http://127.0.0.1:2/s3cret\n', { mode: 0o600, flag: 'a' });
  const hostFile = join(world.inventoryFolder, 'hosts/db1.yaml');
  const silent = await readFile(hostFile, 'utf8');
  const untoldOf = async (place: string) => {
    const [newest = ''] = (await readdir(world.at(place)))
      .filter((name) => name.endsWith('Z'))
      .sort()
      .reverse();
    const text = await readFile(world.at(place, newest, 'manifest.json'), 'utf8');
    t.notMatch(text, 's3cret');
    return (JSON.parse(text) as Manifest).untold;
  };
  await writeFile(hostFile, stringify({ ...parse(silent), notify }, { lineWidth: 0 }));
  const away = await world.task('backup', []);
  await writeFile(hostFile, silent);
  t.equal(away.exitCode, 0, 'it fails no run');
  t.match(away.stderr, /^warning: db1: healthchecks was not told of the success: /m);
  const first = await untoldOf(STORE);
  await world.goodRun();
  const second = await untoldOf(STORE);
  t.match(
    [...(first ?? []), ...(second ?? [])],
    [
      { notifier: 'healthchecks', event: 'start' },
      { notifier: 'healthchecks', event: 'success' },
    ],
  );
  t.equal(second?.at(-1)?.event, 'success');
  await world.goodRun();
  t.equal(await untoldOf(STORE), undefined, 'it is said once');

  await writeFile(world.at('driller/etc/.env'), `COFFRE_PING=http://127.0.0.1:${port}/d\n`, { mode: 0o600 });
  const drilled = await world.task('drill', []);
  t.equal(drilled.exitCode, 0, drilled.stderr);
  t.match(pings, [
    /^\/d\/start\ncoffre: the drill by drill1 has begun\n/,
    /^\/d\ncoffre: the drill by drill1 is done\nAt .*\.\ndb1 was restored and compared in /,
  ]);
  pings.length = 0;
  await writeDriller(world, {
    ...{ notify, secrets: { path: world.at('driller/etc/.env') } },
    logins: [{ host: 'db1', offsite: 'contractor', path: world.at('offsite/backups') }],
  });
  const failed = await world.task('drill', []);
  t.equal(failed.exitCode, 5);
  t.match(
    pings.at(-1),
    /^\/d\/fail\ncoffre: the drill by drill1 NEEDS A LOOK\n.*\nWhy: .*\ndb1 was NOT restored\.\nOn the driller: /,
  );
});
