import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { CopyPlace } from '../../lib/flow/find-copy.ts';
import { relayCopies } from '../../lib/flow/relay-copies.ts';
import { relayCopy } from '../../lib/flow/relay-copy.ts';
import { relayedPlace } from '../../lib/flow/relayed-place.ts';
import { AgentQuestion } from '../../lib/model/agent-question.ts';
import { CoffreError } from '../../lib/model/error.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { openRunFolders } from '../../lib/storage/run-folders.ts';
import type { RunReader } from '../../lib/storage/run-reader.ts';
import { collect } from '../bytes.ts';

const RUN = RunId.parse('2026-11-22T040000Z');
const CONTENT = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 7 + (at >> 8)) % 256));

/** A place on disk, and as a host sees it through control. Every question goes through the schema, as over the line. */
function relayed(folder: string) {
  const opened: string[] = [];
  let open = 0;
  let most = 0;
  const folders = openRunFolders(folder);
  const counted = (reader: RunReader): RunReader => ({
    ...reader,
    read(name, start, bytes) {
      opened.push(`${name} ${start}`);
      return reader.read(name, start, bytes);
    },
  });
  const place: CopyPlace = {
    name: 'store of db1',
    listRuns: folders.listRuns,
    async openRun(run) {
      const reader = await folders.openRun(run);
      return reader && counted(reader);
    },
    close: () => undefined,
  };
  const relay = relayCopy(place);
  let last: Promise<unknown> = Promise.resolve();
  const through = relayedPlace(place.name, 0, (asked) => {
    const question = AgentQuestion.parse(asked);
    open += 1;
    most = Math.max(most, open);
    const answer = last.then(async () => {
      open -= 1;
      if (question.ask === 'passphrase') throw new Error('nobody asks for that here');
      return await relay.answer(question);
    });
    last = answer.catch(() => undefined);
    return answer;
  });
  return { relay, through, opened, most: () => most };
}

t.test('a place that control reads is the same place to the host', async (t) => {
  const folder = t.testdir({
    [RUN]: { 'a.enc': CONTENT, 'manifest.json': '{}', empty: '' },
    'not-a-run': {},
  });
  const { relay, through, opened, most } = relayed(folder);
  t.strictSame(await through.listRuns(), [RUN]);
  t.equal(await through.openRun(RunId.parse('2020-01-01T000000Z')), undefined);
  const reader = await through.openRun(RUN);
  if (!reader) throw new Error('it is there');
  t.equal(reader.where, `store of db1, ${RUN}, through control`);
  t.strictSame(await reader.list(), ['a.enc', 'empty', 'manifest.json']);
  t.equal(await reader.sizeOf('a.enc'), CONTENT.length);
  t.equal(await reader.sizeOf('b.enc'), undefined);
  t.equal((await collect(reader.read('empty'))).length, 0);
  t.ok((await collect(reader.read('a.enc'))).equals(CONTENT));
  t.strictSame(opened, ['a.enc 0'], 'what is read in order is opened once');
  t.ok(most() <= 8, 'no more is on its way than the line holds');
  await relay.close();
});

t.test('any parts of files, read side by side, are what they are', async () => {
  const folder = t.testdir({ [RUN]: { 'a.enc': CONTENT, 'b.enc': Buffer.from(CONTENT).reverse() } });
  const part = fc.record({
    file: fc.constantFrom('a.enc', 'b.enc'),
    start: fc.nat(CONTENT.length + 10),
    bytes: fc.oneof(fc.nat(700_000), fc.constant(undefined)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 12 }), async (parts) => {
      const { relay, through } = relayed(folder);
      const reader = await through.openRun(RUN);
      const got = await Promise.all(
        parts.map(async ({ file, start, bytes }) => reader && collect(reader.read(file, start, bytes))),
      );
      await relay.close();
      return parts.every(({ file, start, bytes }, at) => {
        const whole = file === 'a.enc' ? CONTENT : Buffer.from(CONTENT).reverse();
        return got[at]?.equals(whole.subarray(start, bytes === undefined ? undefined : start + bytes));
      });
    }),
    { numRuns: 15 },
  );
});

t.test('no question leads out of the folder of a run', async (t) => {
  for (const file of ['../x', '/etc/passwd', '.hidden', '', 'a/b', '..']) {
    t.notOk(AgentQuestion.safeParse({ ask: 'size', place: 0, run: RUN, file }).success, file);
    t.notOk(AgentQuestion.safeParse({ ask: 'read', place: 0, run: RUN, file, start: 0, bytes: 1 }).success, file);
  }
  const read = { ask: 'read', place: 0, run: RUN, file: 'a.enc', start: 0, bytes: 1 };
  t.ok(AgentQuestion.safeParse(read).success);
  for (const wrong of [
    { run: '../..' },
    { place: -1 },
    { start: -1 },
    { bytes: 0 },
    { bytes: 10_000_000 },
    { more: 1 },
  ])
    t.notOk(AgentQuestion.safeParse({ ...read, ...wrong }).success, JSON.stringify(wrong));
});

t.test('a file that is cut short meanwhile is too short over there, too, and nobody waits', async (t) => {
  const folder = t.testdir({ [RUN]: { 'a.enc': CONTENT } });
  const { relay, through } = relayed(folder);
  const reader = await through.openRun(RUN);
  let seen = 0;
  const reading = (async () => {
    for await (const chunk of reader?.read('a.enc') ?? []) {
      if (seen === 0) await truncate(join(folder, RUN, 'a.enc'), 500_000);
      seen += chunk.length;
    }
  })();
  await reading.catch(() => undefined);
  t.ok(seen < CONTENT.length, 'whoever verifies sees that it is too short');
  await relay.close();
});

t.test('of several places each is opened when it is asked for, the nearest at once, and all are closed', async (t) => {
  const log: string[] = [];
  const candidate = (name: string, fails = false) => ({
    name,
    async open(): Promise<CopyPlace> {
      log.push(`open ${name}`);
      if (fails) throw new CoffreError('offsite-unreachable', `cannot reach ${name}`);
      const folders = openRunFolders(t.testdirName);
      return { name, ...folders, close: () => log.push(`close ${name}`) };
    },
  });
  t.testdir({ [RUN]: { 'a.enc': 'x' } });
  const relay = relayCopies([candidate('near'), candidate('gone', true), candidate('far'), candidate('farther')]);
  t.strictSame(log, ['open near']);
  const ask = (place: number) => relay.answer({ ask: 'size', place, run: RUN, file: 'a.enc' });
  await t.rejects(ask(1), { code: 'offsite-unreachable' });
  await t.rejects(ask(1), { code: 'offsite-unreachable' });
  t.equal(String(await ask(2)), '1');
  await t.rejects(ask(7), { code: 'refused' });
  await relay.close();
  t.strictSame(log, ['open near', 'open gone', 'open far', 'close near', 'close far']);
});
