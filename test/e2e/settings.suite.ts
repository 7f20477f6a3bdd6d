import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { execute } from '../../lib/database/client.ts';
import { recoverByHand } from '../../lib/flow/recover-by-hand.ts';
import { RECORD_VERSION } from '../../lib/model/record-parts.ts';
import { sleep } from '../../lib/system/clock.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { worldFor } from '../fixture/world.ts';

const LIMITS = { nice: 3, io: 'idle', uploadBytesPerSecond: 4_000_000, dumpBytesPerSecond: 5_000_000 };

/** Niceness of every program below this process, by its name, for as long as `during` takes. */
async function nicenessDuring(during: Promise<unknown>): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const seen = new Map<string, Set<number>>();
  let over = false;
  during.finally(() => (over = true)).catch(() => undefined);
  for (; !over; await sleep(50)) {
    const all = readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        const [, name = '', rest = ''] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
        const fields = rest.split(' ').map(Number);
        return [{ pid: Number(pid), name, parent: fields[1], nice: fields[16] ?? 0 }];
      } catch {
        return []; // it has ended
      }
    });
    const below = new Set([process.pid]);
    for (let size = 0; size < below.size; ) {
      size = below.size;
      for (const { pid, parent } of all) if (parent !== undefined && below.has(parent)) below.add(pid);
    }
    for (const { pid, name, nice } of all) if (below.has(pid)) seen.set(name, (seen.get(name) ?? new Set()).add(nice));
  }
  return seen;
}

const skip = findProgram('zstd') ? false : 'the program zstd is not here';

t.test('a run by settings: zstd at a level, behind others, at a rate; and both ways back', { skip }, async (t) => {
  const world = await worldFor(t);
  const compression = { program: 'zstd', level: 5 };
  const inventory = await world.inventoryWith((host) => {
    Object.assign(host, { compression, limits: LIMITS });
    Object.assign(host.store, { readBack: true });
  });
  const shipped: { readonly at: number; readonly bytes: number }[] = [];
  const running = world.task('backup', ['--json'], {
    inventory,
    onEvent: ({ event, phase, doneBytes }) => {
      if (phase !== 'ship' || (event !== 'progress' && event !== 'phase-ended')) return;
      shipped.push({ at: performance.now(), bytes: Number(doneBytes ?? 0) });
    },
  });
  const nice = await nicenessDuring(running);
  const { exitCode, stdout, stderr } = await running;
  t.equal(exitCode, 0, stdout + stderr);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(
    events.filter(({ text }) => /^compressed by/.test(String(text))),
    [{ text: /^compressed by zstd [\d.]+ at level 5: as compression.program asks$/ }],
  );
  t.same(
    events.filter(({ event }) => event === 'warning'),
    [],
  );

  await t.test('its programs are as nice as the inventory says, and the server is as it was', async (t) => {
    for (const program of ['mariadb-dump', 'zstd'])
      t.ok(nice.get(program)?.has(3), `${program}: ${[...(nice.get(program) ?? [])]}`);
    t.match(
      readFileSync(`/proc/${world.server.pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')[16],
      '0',
    );
  });

  const [run = ''] = readdirSync(world.at('host/mnt/data/mysqldata'));
  const offsite = world.at('offsite/backups/db1', run);
  const manifest = JSON.parse(readFileSync(join(offsite, 'manifest.json'), 'utf8')) as {
    readonly version: string;
    readonly archives: readonly Record<string, unknown>[];
    readonly phases: readonly { readonly name: string; readonly durationMs: number }[];
    readonly dayArchive: { readonly sealedBytes: number };
  };

  await t.test('the names and the manifest say zstd, and the two rates were kept', async (t) => {
    const files = readdirSync(world.at('host/mnt/data/mysqldata', run)).filter((name) => name.endsWith('.enc'));
    t.same(
      files.filter((name) => name.includes('.tar')),
      ['@accounts.tar.zst.enc', 'crm.tar.zst.enc', 'shop.tar.zst.enc'],
    );
    t.ok(manifest.archives.every(({ compression }) => compression === 'zstd'));
    t.match(manifest, { version: RECORD_VERSION });
    const took = (phase: string) => manifest.phases.find(({ name }) => name === phase)?.durationMs ?? 0;
    const plainBytes = manifest.archives.reduce((sum, { plainBytes }) => sum + Number(plainBytes), 0);
    // From the first that was told on, which was beside the dump: those bytes were sent before, but for a piece in memory.
    const [first, last] = [shipped[0], shipped.at(-1)];
    const shipMs = (last?.at ?? 0) - (first?.at ?? 0);
    const sentBytes = Number(manifest.dayArchive.sealedBytes) - (first?.bytes ?? 0);
    t.ok(took('dump') > 900 * (plainBytes / LIMITS.dumpBytesPerSecond), `${plainBytes} bytes in ${took('dump')} ms`);
    t.ok(sentBytes > 1e6, `${sentBytes} bytes`);
    t.ok(shipMs > 900 * (sentBytes / LIMITS.uploadBytesPerSecond), `${sentBytes} bytes in ${shipMs} ms`);
  });

  await t.test('without the program nothing is dropped for a restore that needs it', async (t) => {
    const bin = t.testdir({});
    for (const program of ['mariadb', 'mariadb-dump', 'git', 'ssh-keygen', 'sh'] as const)
      execFileSync('ln', ['-s', findProgram(program) ?? '', join(bin, program)]);
    const ended = await world.restore(['--from', 'store', '--overwrite', 'shop'], { inventory, env: { PATH: bin } });
    t.equal(ended.exitCode, 2, ended.stdout + ended.stderr);
    t.match(ended.stderr, /cannot find the program zstd.*\n.*install.* zstd/);
    await execute(world.server.root, 'SELECT 1 FROM shop.customer LIMIT 1');
  });

  await t.test('a restore from the offsite compares equal', async (t) => {
    const overwrite = ['--overwrite', 'shop', '--overwrite', 'crm'];
    const ended = await world.restore(['--from', 'offsite:contractor', ...overwrite], { inventory });
    t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  });

  await t.test('without this software, from the store and from the offsite', async (t) => {
    for (const runFolder of [world.at('host/mnt/data/mysqldata', run), offsite]) {
      for (const name of ['shop', 'crm']) await execute(world.server.root, `DROP DATABASE ${name}`);
      const { company: privateKeyPath, passphrase } = world.keys;
      await recoverByHand({
        runFolder,
        recipient: 'company',
        privateKeyPath,
        passphrase,
        clientOptions: world.adminOptions,
      });
      const options = [`--defaults-file=${world.adminOptions}`, '-Ne', 'SELECT COUNT(*) FROM shop.customer'];
      t.equal(
        execFileSync(findProgram('mariadb') ?? '', options)
          .toString()
          .trim(),
        '10',
      );
    }
  });
});
