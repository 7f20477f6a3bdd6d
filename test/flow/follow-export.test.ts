import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { followExport } from '../../lib/flow/follow-export.ts';
import { type GrowingDayArchive, writeDayArchive } from '../../lib/flow/growing-day-archive.ts';
import { owe } from '../../lib/flow/owed.ts';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { CoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import type { HostConfig, Inventory } from '../../lib/model/inventory.ts';
import { OffsiteName } from '../../lib/model/names.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { SEGMENT_BYTES } from '../../lib/model/segments.ts';
import { asStage, type Bytes, type SealedStream } from '../../lib/model/stages.ts';
import { digestStream } from '../../lib/seal/digest-stream.ts';
import { openRunFolders } from '../../lib/storage/run-folders.ts';
import { sleep, systemClock } from '../../lib/system/clock.ts';
import { startProxy } from '../fixture/proxy.ts';
import { temporaryFolder } from '../temporary.ts';

/* The upload of a day archive that is still being written: a real export, real contractors, and a line that can be held. */

const { path: root, remove } = temporaryFolder();
const sshd = await startThrowawaySshd({ folder: join(root, 'sshd'), sftpOnly: true });
const proxy = await startProxy(sshd.port);
t.teardown(async () => {
  await proxy.close();
  await sshd.stop();
  remove();
});

const RUN = RunId.parse('2026-11-22T040000Z');
const EARLIER = RunId.parse('2026-11-21T040000Z');
const CONTRACTOR = OffsiteName.parse('contractor');
const FAR = OffsiteName.parse('far');
const DOWN = OffsiteName.parse('down');
const OTHER = OffsiteName.parse('other');
const CONTENT = randomBytes(SEGMENT_BYTES * 2 + 1_000_000);

/** A host with one offsite a name, and a day archive of which `part` says what is written when. */
async function begin(t: Test, names: readonly string[], part: (far: (name: string) => string) => Bytes) {
  const folder = t.testdir({ state: {}, export: {} });
  const { address, user, hostKey, identityPath: identity } = sshd;
  const pathOf = (name: string) => join(folder, name);
  for (const name of names) await mkdir(pathOf(name));
  const offsite = names.map((name) =>
    SftpOffsiteConfig.parse({
      ...{ name, kind: 'sftp', address, user, hostKey, identity, path: pathOf(name) },
      ...{ verify: name === 'sized' ? 'size' : 'auto', reconnectSeconds: 0 },
      port: name === 'down' ? 1 : name === 'far' ? proxy.port : sshd.port,
    }),
  );
  const host = { name: 'db1', state: { path: join(folder, 'state') }, offsite, limits: {} } as unknown as HostConfig;
  const stop = new AbortController();
  const events: FlowEvent[] = [];
  const context = {
    ...{ inventory: {} as Inventory, clock: systemClock, signal: stop.signal },
    emit: (event: FlowEvent) => void events.push(event),
  };
  const run = await openRunFolders(join(folder, 'export')).beginRun(RUN);
  const partial = join(folder, 'export', `.${RUN}.partial`);
  const farFile = (name: string) => join(pathOf(name), `.${RUN}.partial`, 'encrypted.dat');
  return {
    ...{ host, stop, events, partial, farFile },
    left: (name: string) => readdirSync(pathOf(name)),
    start() {
      let growing: GrowingDayArchive | undefined;
      const sealed = digestStream(asStage<SealedStream>(part(farFile)));
      const written = writeDayArchive(run, sealed, (given) => {
        growing = given;
      });
      written.catch(() => undefined);
      if (!growing) throw new Error('nothing to follow');
      return { written, following: followExport(host, RUN, growing, context) };
    },
  };
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(10);
}

async function* all(): Bytes {
  yield CONTENT;
}

t.test('what is written is over there before the writer has gone on', async (t) => {
  const world = await begin(t, ['contractor'], async function* (far) {
    yield CONTENT.subarray(0, SEGMENT_BYTES + 1_000_000);
    await until(() => sizeOf(far('contractor')) > SEGMENT_BYTES * 0.9); // all but what fills no block of SFTP yet
    yield CONTENT.subarray(SEGMENT_BYTES + 1_000_000);
  });
  const { written, following } = world.start();
  await written;
  const arrival = await following.arrivalAt(CONTRACTOR);
  t.equal(arrival?.verified, 'read back');
  t.ok(readFileSync(world.farFile('contractor')).equals(CONTENT));
  t.match(world.events[0], { kind: 'progress', phase: 'ship', subject: 'encrypted.dat to contractor' });
  const told = world.events.map((event) => ('doneBytes' in event ? event.doneBytes : 0));
  t.same(
    told,
    [...told].sort((one, other) => one - other),
  );
  t.ok(told.length >= 2 && told.every((bytes) => bytes > 0 && bytes <= CONTENT.length), 'it is told how far it is');
  await following.abandon();
  t.ok(existsSync(world.farFile('contractor')), 'what was asked for is not taken away');
  await arrival?.upload.drop();
  t.same(world.left('contractor'), []);
});

t.test('an offsite that takes nothing holds up neither the writer nor the others', async (t) => {
  proxy.hold();
  const world = await begin(t, ['far', 'contractor', 'down'], all);
  const { written, following } = world.start();
  await written;
  await t.rejects(following.arrivalAt(DOWN), { code: 'offsite-unreachable' });
  const near = await following.arrivalAt(CONTRACTOR);
  t.equal(near?.verified, 'read back');
  t.same(world.left('far'), []);
  proxy.release();
  const far = await following.arrivalAt(FAR);
  t.ok(readFileSync(world.farFile('far')).equals(CONTENT), 'it gets all of it, later');
  for (const arrival of [near, far]) await arrival?.upload.drop();
});

t.test('a line that is cut: that offsite alone fails', async (t) => {
  proxy.breakAfter(3_000_000, 'cut');
  const world = await begin(t, ['far', 'contractor'], all);
  const { written, following } = world.start();
  await written;
  await t.rejects(following.arrivalAt(FAR), { code: 'offsite-unreachable' });
  const arrival = await following.arrivalAt(CONTRACTOR);
  t.equal(arrival?.verified, 'read back');
  await arrival?.upload.drop();
  proxy.mend();
});

t.test('a writer that fails, at any point: nothing is left over there', async (t) => {
  const first = async function* (far: (name: string) => string): Bytes {
    yield CONTENT.subarray(0, SEGMENT_BYTES);
    await until(() => sizeOf(far('contractor')) > 0);
  };
  const world = await begin(t, ['contractor'], async function* (far) {
    yield* first(far);
    throw new CoffreError('dump-failed', 'cannot dump shop: it was killed');
  });
  const { written, following } = world.start();
  await t.rejects(written, { code: 'dump-failed' });
  await following.abandon();
  t.same(world.left('contractor'), []);
});

t.test('whoever interrupts, or has no use for it any more, leaves nothing over there', async (t) => {
  for (const end of ['interrupted', 'abandoned', 'abandoned when it was there'] as const) {
    let goOn: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let isThere = false; // whoever sees it second may come too late: it goes again
    const world = await begin(t, ['sized'], async function* (far) {
      yield CONTENT.subarray(0, SEGMENT_BYTES);
      await until(() => isThere || sizeOf(far('sized')) > 0);
      if (end !== 'abandoned when it was there') await gate;
      yield CONTENT.subarray(SEGMENT_BYTES);
    });
    const { written, following } = world.start();
    await until(() => sizeOf(world.farFile('sized')) > 0);
    isThere = true;
    if (end === 'interrupted') world.stop.abort(new CoffreError('interrupted', 'backup was interrupted'));
    if (end === 'abandoned when it was there') {
      await written;
      await until(() => sizeOf(world.farFile('sized')) === CONTENT.length);
      await sleep(500); // it is compared, and waits for whoever asks for it
    }
    await following.abandon();
    t.same(world.left('sized'), [], end);
    goOn();
    await written;
  }
});

t.test('an export that is damaged behind its writer is not sent as good', async (t) => {
  proxy.hold();
  const world = await begin(t, ['far'], all);
  const { written, following } = world.start();
  await written;
  const file = await open(join(world.partial, 'encrypted.dat'), 'r+');
  await file.write('damaged', SEGMENT_BYTES + 10);
  await file.close();
  proxy.release();
  await t.rejects(following.arrivalAt(FAR), {
    code: 'verification-failed',
    message: 'cannot trust encrypted.dat: segment 2 differs from what was written',
  });
  t.same(world.left('far'), []);
});

t.test('an offsite that lacks earlier runs gets nothing of this one yet', async (t) => {
  const world = await begin(t, ['contractor', 'other'], all);
  await owe(world.host, { run: EARLIER, offsite: OTHER });
  const { written, following } = world.start();
  await written;
  t.equal(await following.arrivalAt(OTHER), undefined);
  t.same(world.left('other'), []);
  const arrival = await following.arrivalAt(CONTRACTOR);
  t.equal(arrival?.verified, 'read back');
  await arrival?.upload.drop();
});

t.test('without a day archive there is nothing to follow', async (t) => {
  const world = await begin(t, ['contractor'], async function* () {
    yield* [];
    throw new CoffreError('dump-failed', 'cannot dump shop: it was killed');
  });
  const { written, following } = world.start();
  await t.rejects(written, { code: 'dump-failed' });
  await t.rejects(following.arrivalAt(CONTRACTOR), { code: 'dump-failed' });
  t.same(world.left('contractor'), []);
});
