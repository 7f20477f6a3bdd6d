import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { sleep } from '../../lib/system/clock.ts';
import { randomOf } from '../fixture/random.ts';
import { type Link, startLink } from './link.ts';

/** A link to a server that says back whatever it is told. */
async function linkFor(t: Test): Promise<Link> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const link = await startLink(typeof address === 'object' && address ? address.port : 0);
  t.teardown(async () => {
    await link.close();
    server.close();
  });
  return link;
}

async function open({ port }: Link): Promise<{ readonly socket: Socket; said(): string }> {
  const socket = connect(port, '127.0.0.1');
  let said = '';
  socket
    .on('error', () => undefined)
    .on('data', (chunk: Buffer) => {
      said += chunk;
    });
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return { socket, said: () => said };
}

async function until(is: () => boolean): Promise<number> {
  const from = performance.now();
  while (!is() && performance.now() - from < 5000) await sleep(5);
  return performance.now() - from;
}

t.test('a good link carries all of it, to the end', async (t) => {
  const { socket, said } = await open(await linkFor(t));
  const text = 'x'.repeat(3_000_000);
  socket.end(text);
  await once(socket, 'close');
  t.equal(said(), text);
});

t.test('a silent link carries nothing, tells nobody, and goes on where it was', async (t) => {
  const link = await linkFor(t);
  const { socket, said } = await open(link);
  link.silence();
  socket.write('hello');
  const late = await open(link);
  late.socket.write('world');
  await sleep(200);
  t.strictSame([said(), late.said(), socket.destroyed, late.socket.destroyed], ['', '', false, false]);
  link.mend();
  await until(() => said() === 'hello' && late.said() === 'world');
  t.strictSame([said(), late.said()], ['hello', 'world']);
  for (const each of [socket, late.socket]) each.destroy();
});

t.test('a link that is cut ends what is open and takes nobody in; once mended it does', async (t) => {
  const link = await linkFor(t);
  const { socket } = await open(link);
  link.cut();
  await until(() => socket.destroyed);
  const refused = await open(link);
  await until(() => refused.socket.destroyed);
  t.strictSame([socket.destroyed, refused.socket.destroyed], [true, true]);
  link.mend();
  const { socket: again, said } = await open(link);
  again.write('hello');
  await until(() => said() === 'hello');
  t.equal(said(), 'hello');
  again.destroy();
});

t.test('a slow link takes its time in each direction', async (t) => {
  const link = await linkFor(t);
  link.slow(100, randomOf(1));
  const { socket, said } = await open(link);
  const from = performance.now();
  socket.write('hello');
  await until(() => said() === 'hello');
  t.equal(said(), 'hello');
  t.ok(performance.now() - from >= 195);
  link.reset();
  await until(() => socket.destroyed);
  t.ok(socket.destroyed);
});
