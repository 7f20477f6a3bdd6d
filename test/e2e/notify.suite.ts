import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
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
    Object.assign(host, { notify, store: { ...host.store, path: '/none' } }),
  );
  const bad = await world.task('backup', [], { inventory: away });
  t.not(bad.exitCode, 0);
  t.strictSame(
    pings.map(({ path }) => path),
    ['/s3cret/start', '/s3cret/fail'],
  );
  t.match(pings.at(-1)?.body, /NEEDS A LOOK\n.*\nWhy: .* \([a-z-]+\)\.\nThere is no new backup\./);
});
