import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { execute } from '../../lib/database/client.ts';
import { unwrapPassphrase } from '../../lib/seal/envelope.ts';
import { openPrivateKey } from '../../lib/seal/private-key.ts';
import { sleep } from '../../lib/system/clock.ts';
import { randomOf } from '../fixture/random.ts';
import { startFaultWorld } from './fault-world.ts';
import { checkFinalNames, checkRun, type Findings } from './invariants/copies.ts';
import {
  checkProcesses,
  checkRepository,
  checkState,
  checkTemporary,
  checkTold,
  checkUnfinished,
} from './invariants/leftovers.ts';
import { checkDone, checkRecord, checkValidates } from './invariants/record.ts';
import { checkRestores } from './invariants/restores.ts';
import { checkSecrets } from './invariants/secrets.ts';
import { type NightEnd, startNight } from './night.ts';
import { afterFault, afterNext, placesOf } from './one-fault.ts';
import { makeSurroundings } from './surroundings.ts';

/*
 * What looks for violations finds each that is planted, and none where there is none. The world is real, with two runs of
 * real nights; it is put back before each.
 */

t.setTimeout(400_000);
const surroundings = await makeSurroundings();
t.teardown(() => surroundings.remove());
const world = await startFaultWorld(surroundings, 'w');
t.teardown(() => world.stop());
const { host, base } = world;
const places = placesOf(world);
const newest = base.at(-1) ?? '';
/** The newest run is of the day before where the clock could be set back for it. */
const STALE = ['freshness'];
const repository = world.world.auditRepository;
const inStore = (...names: string[]) => join(host.store.path, newest, ...names);
const inState = (...names: string[]) => join(host.state.path, ...names);
const sealed = () => inStore(readdirSync(inStore()).find((name) => name.endsWith('.tar.gz.enc')) ?? '');

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** A violation, and what finds it. */
function planted(name: string, plant: () => void, check: () => Promise<Findings> | Findings, says: RegExp): void {
  t.test(`finds ${name}`, async (t) => {
    await world.reset();
    t.strictSame(await check(), [], 'nothing before');
    plant();
    const found = await check();
    t.ok(
      found.some((finding) => says.test(finding)),
      `${says} in: ${found.join('\n')}`,
    );
  });
}

const night = (more: object = {}): NightEnd => ({
  ...{ exitCode: 0, signal: null, result: undefined, said: '', tookMs: 1, tooLong: false, leftOver: [] },
  ...more,
});
const told = (exitCode: number, owed: readonly string[] = []) =>
  night({
    exitCode,
    result: {
      event: 'result',
      exitCode,
      data: { manifest: { run: newest }, owed: owed.map((what) => ({ what })) },
    },
  });

t.test('finds nothing in a world that is as it should be', async (t) => {
  await world.reset();
  t.equal(base.length, 2);
  t.strictSame(await afterFault(world, told(0), 0), []);
  t.strictSame(await afterNext(world, STALE, told(0)), []);
});

const finalNames = () => checkFinalNames(places.store);
planted('a byte that has changed', () => flip(sealed()), finalNames, /is not what SHA256SUMS says/);
planted('a file that is gone', () => rmSync(sealed()), finalNames, /is not what SHA256SUMS says/);
planted('a file too many', () => writeFileSync(inStore('more'), ''), finalNames, /is not vouched for/);
planted(
  'a run without its signature',
  () => rmSync(inStore('manifest.json.sig')),
  finalNames,
  /has no manifest\.json\.sig/,
);
planted('a manifest that was changed', () => flip(inStore('manifest.json')), finalNames, /cannot trust|cannot read/);
planted(
  'a half-made run under a final name',
  () => mkdirSync(join(host.store.path, '2026-01-01T000000Z')),
  finalNames,
  /cannot trust/,
);
planted(
  'a run under the name of another one',
  () => renameSync(inStore(), join(host.store.path, '2026-01-01T000000Z')),
  finalNames,
  /2026-01-01T000000Z: cannot trust/,
);
planted('what has no name of a run', () => mkdirSync(join(host.store.path, 'old')), finalNames, /has no name of a run/);
planted(
  'digests that were made to fit what was changed',
  () => {
    const path = sealed();
    const digest = () => createHash('sha256').update(readFileSync(path)).digest('hex');
    const before = digest();
    flip(path);
    const sums = readFileSync(inStore('SHA256SUMS'), 'utf8');
    writeFileSync(inStore('SHA256SUMS'), sums.replace(before, digest()));
  },
  finalNames,
  /SHA256SUMS and manifest differ/,
);
planted(
  'a run that is not there',
  () => rmSync(inStore(), { recursive: true }),
  () => checkRun(places.store, newest),
  /is not there/,
);
for (const [name, place] of Object.entries(places))
  planted(
    `the previous run gone from: ${name}`,
    () => rmSync(join(place.path, newest), { recursive: true }),
    () => afterFault(world, told(4), Date.now()),
    /is not there|is gone/,
  );

const done = (end: NightEnd) => () => checkDone(end, places, repository);
planted(
  'a run that is reported as done, and lacks a copy',
  () => rmSync(join(places.offsite.path, newest), { recursive: true }),
  done(told(0)),
  /reported as done: .* is not there/,
);
planted(
  'a run that is reported as done, and is not published',
  () => execFileSync('git', ['-C', repository, 'update-ref', 'refs/heads/main', 'main~2']),
  done(told(0)),
  /was reported as published/,
);
planted('a run that is reported as safe, and is not', () => flip(sealed()), done(told(3)), /reported as safe/);
planted(
  'a run that owes the store, and is nowhere',
  () => {
    for (const { path } of Object.values(places)) rmSync(join(path, newest), { recursive: true });
  },
  done(told(3, ['store'])),
  /reported as safe/,
);
t.test('finds a night that is content and names no run', async (t) => {
  t.match(await done(night())(), [/named no run/]);
});

const secrets = () => checkSecrets(world, 0);
const hidden = () => join(host.store.path, '.2026-01-01T000000Z.partial');
planted(
  'a row in the clear, in the middle of a file',
  () => writeFileSync(hidden(), `abc${world.marker}def`),
  secrets,
  /a marked row/,
);
planted('a row in a temporary file', () => writeFileSync(world.at('tmp/x'), world.marker), secrets, /a marked row/);
planted('the password of the account', () => writeFileSync(inState('x'), world.password), secrets, /the password/);
planted(
  'a passphrase of the private keys',
  () => writeFileSync(inState('x'), world.world.keys.passphrase),
  secrets,
  /passphrase of the private/,
);
planted(
  'a dump that is compressed and not sealed',
  () => writeFileSync(hidden(), gzipSync('CREATE TABLE')),
  secrets,
  /is gzip, not sealed/,
);
planted('a private key', () => cpSync(world.world.keys.company, inState('x')), secrets, /the private key of company/);
planted(
  'the passphrase of a run',
  () => {
    const { company, passphrase } = world.world.keys;
    const key = openPrivateKey(readFileSync(company, 'utf8'), passphrase);
    writeFileSync(world.at('tmp/x'), unwrapPassphrase(readFileSync(inStore('company.key.enc')), key).reveal());
  },
  secrets,
  /the passphrase of /,
);

planted(
  'a folder that is half done',
  () => mkdirSync(hidden()),
  () => checkUnfinished([host.store.path]),
  /is left over/,
);
planted(
  'a debt, a record that waits, a journal, a lock and half a file',
  () => {
    mkdirSync(inState('owed'), { recursive: true });
    for (const name of ['journal.json', 'owed/x.json', 'outbox/x.json', 'run.lock', 'head.json.partial'])
      writeFileSync(inState(name), '');
  },
  async () => {
    const found = checkState(host.state.path);
    return found.length === 0 || found.length === 5 ? found : [`${found.length} of 5`];
  },
  /run\.lock is left over/,
);
planted(
  'a temporary file',
  () => writeFileSync(world.at('tmp/x'), ''),
  () => checkTemporary(world.at('tmp')),
  /is left over/,
);
planted(
  "a lock of git's",
  () => writeFileSync(join(repository, 'refs/heads/main.lock'), ''),
  () => checkRepository(repository),
  /main\.lock is left over/,
);
t.test('finds a process that is left over, and ends it; and a night that takes for ever', async (t) => {
  const agent = world.at('leaves-one');
  writeFileSync(agent, '#!/bin/sh\nsleep 600 > /dev/null 2>&1 &\n');
  chmodSync(agent, 0o755);
  const left = startNight({ agent, words: [], environment: { PATH: '/usr/bin:/bin' } });
  t.match(checkProcesses(await left.ended), [/^sleep \(\d+\) still ran/]);
  for (let tries = 0; tries < 50 && left.children().length > 0; tries += 1) await sleep(50);
  t.strictSame(left.children(), []);
  t.strictSame(checkProcesses(night()), []);
  t.match(checkProcesses(night({ tooLong: true })), [/did not end by itself/]);
});

t.test('finds a night that tells nothing, nothing of use, or gives no hint', async (t) => {
  const ended = (exitCode: number, error?: object) =>
    night({ exitCode, result: { event: 'result', exitCode, ...(error ? { error } : {}) } });
  t.strictSame(checkTold(told(0)), []);
  t.strictSame(checkTold(night({ exitCode: null, signal: 'SIGKILL' })), []);
  t.strictSame(checkTold(ended(4, { message: 'no', hint: 'look' })), []);
  t.match(checkTold(ended(4, { message: 'no' })), [/no hint: no$/]);
  t.match(checkTold(ended(1, { message: 'EROFS', hint: 'look' })), [/as unexpected: EROFS$/]);
  t.match(checkTold(night({ exitCode: 7, said: 'what?' })), [/ended with 7 and without a result: what\?$/]);
});

const record = () => checkRecord(host.state.path, host.store.path, repository);
planted(
  'a run that nobody tells of',
  () => writeFileSync(inState('runs/2026-11-20T000000Z'), ''),
  record,
  /is not on record/,
);
planted(
  'a run in the store that is not on record',
  () => cpSync(inStore(), join(host.store.path, '2026-01-01T000000Z'), { recursive: true }),
  record,
  /is in the store, and on record as undefined/,
);
planted(
  'a good run that is not in the store',
  () => rmSync(inStore(), { recursive: true }),
  record,
  /and not in the store/,
);
planted(
  'a record that was changed',
  () => {
    const clone = world.at('tmp/clone');
    const git = (...words: string[]) =>
      execFileSync('git', ['-C', clone, '-c', 'user.name=x', '-c', 'user.email=x@example.org', ...words]);
    execFileSync('git', ['clone', '-q', repository, clone]);
    const path = join(clone, 'manifests/db1', newest.slice(0, 4), `${newest}.json`);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"succeeded"', '"failed"'));
    git('commit', '-q', '-a', '-m', 'x');
    git('push', '-q');
  },
  () => checkValidates(world, STALE),
  /validate: /,
);
planted(
  'an offsite that has not got what the store has',
  () => rmSync(join(places.offsite.path, base[0] ?? ''), { recursive: true }),
  () => afterNext(world, STALE, night({ exitCode: 0, result: told(0).result })),
  /the offsite has/,
);
t.test('finds that the next night was not good', async (t) => {
  await world.reset();
  const findings = await afterNext(world, STALE, night({ exitCode: 6 }));
  t.strictSame(findings, ['the next night ended with 6']);
});

t.test('finds that a run cannot be restored, and that what is restored is something else', async (t) => {
  await world.reset();
  for (const place of [inStore(), join(places.export.path, newest), join(places.offsite.path, newest)])
    flip(join(place, place === inStore() ? 'shop.tar.gz.enc' : 'encrypted.dat'));
  t.match(await checkRestores(world, newest, randomOf(1)), [/cannot be restored from/]);
  await world.reset();
  await execute(world.server().root, "UPDATE shop.marked SET said = 'something else' WHERE id = 1");
  t.match(await checkRestores(world, newest, randomOf(1)), [/ from .*marked/]);
});
