import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { releaseShelf } from '../../lib/flow/release-shelf.ts';
import { formatBytes, formatDuration } from '../../lib/report/format.ts';
import { formatTable } from '../../lib/report/table.ts';
import { fleetInventory } from '../fixture/fleet.ts';
import { operatorOf, type Provisioned } from '../fixture/operator.ts';
import type { Lab } from '../lab/lab.ts';
import { startLab } from '../lab/start-lab.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * What provisioning a fleet of lab hosts takes: `npm run bench:fleet [SIZE …]`. Every host has a database and cron, and no
 * Node: the release brings it. All hosts share the cores of this machine with control.
 */

const DEAD = ['db7', 'db16'];
const LARGEST = 20;

const reason = whyNoLab();
if (reason !== undefined) throw new Error(reason);
const asked = process.argv.slice(2).map(Number).filter(Number.isInteger);
const sizes = asked.length > 0 ? asked : [1, 5, LARGEST];
const rows: string[][] = [];

// Fetched and built once, whatever the number of hosts: it is no part of what a host takes.
const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const builtFrom = performance.now();
const release = await releaseShelf().releaseFor({
  ...{ machine, nodeVersion: '', libc: 'glibc' },
  ...{ access: 'own', user: 'root', release: null },
});
const builtMs = performance.now() - builtFrom;
process.stdout.write(
  `release with Node: ${formatBytes(release.sizeBytes)}, at hand after ${formatDuration(builtMs)}\n`,
);

for (const size of sizes) {
  await withFleet(size, async (provision, lab) => {
    await measure(size, 'from bare', provision, ['--all'], 0);
    await measure(size, 'second run', provision, ['--all'], 0);
    await measure(size, '--check', provision, ['--all', '--check'], 0);
    if (size === sizes[0]) {
      const from = performance.now();
      await lab.run('db1', ['/opt/coffre/current/coffre', 'backup', '--help']);
      process.stdout.write(`start of the agent (backup --help): ${Math.round(performance.now() - from)} ms\n`);
    }
  });
}
await withFleet(LARGEST, async (provision, lab) => {
  for (const name of DEAD) await lab.kill(name);
  const { result } = await measure(LARGEST, `from bare, ${DEAD.length} dead`, provision, ['--all'], 7);
  const { hosts } = (result?.data ?? { hosts: [] }) as Fleet;
  const failed = hosts.filter(({ ok }) => !ok).map(({ host }) => host);
  process.stdout.write(
    `done: ${hosts.filter(({ applied = 0 }) => applied > 0).length}; failed: ${failed.join(', ')}\n`,
  );
  if (failed.length !== DEAD.length || !DEAD.every((name) => failed.includes(name)))
    throw new Error(`other hosts than ${DEAD} have failed`);
});
const head = ['hosts', 'run', 'wall time', 'peak memory of control', 'load before'];
process.stdout.write(`${cpus().length} cores\n${formatTable(head, rows)}\n`);

interface Fleet {
  readonly hosts: readonly { readonly host: string; readonly ok: boolean; readonly applied?: number }[];
}

type Provision = ReturnType<typeof operatorOf>;

async function measure(size: number, what: string, provision: Provision, words: readonly string[], expected: number) {
  const [load = 0] = loadavg();
  const done: Provisioned = await provision(words);
  if (done.exitCode !== expected) throw new Error(`${what}: ${JSON.stringify(done.result)} ${done.stderr}`);
  rows.push([`${size}`, what, formatDuration(done.wallMs), formatBytes(done.peakBytes), load.toFixed(1)]);
  process.stderr.write(`${rows.at(-1)?.join('  ')}\n`);
  return done;
}

async function withFleet(size: number, act: (provision: Provision, lab: Lab) => Promise<void>): Promise<void> {
  const { path: folder, remove } = temporaryFolder();
  const names = Array.from({ length: size }, (_, at) => `db${at + 1}`);
  const hosts = names.map((name) => ({ name, roles: ['database', 'cron'] as const }));
  const lab = await startLab({ folder: join(folder, 'lab'), hosts });
  try {
    const fleet = await fleetInventory(folder, lab, {
      schedule: '0 4 * * *',
      database: { socket: '/run/mysqld/mysqld.sock', account: { user: 'bkpuser', from: 'localhost' } },
      store: { path: '/mnt/data/mysqldata', mount: 'none' },
      audit: { kind: 'git', remote: '/srv/backup-audit.git' },
    });
    for (const name of names) await fleet.write(name, {});
    await act(operatorOf(fleet.folder), lab);
  } finally {
    await lab.down();
    remove();
  }
}
