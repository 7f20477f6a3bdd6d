import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { loadSql } from '../../lib/database/load-sql.ts';
import { startThrowawayServer, type ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { type EmbeddedWorld, startEmbeddedWorld } from '../../lib/flow/embedded-world.ts';
import { QUICKSTART_SQL } from '../../lib/flow/quickstart-data.ts';
import { startThrowawaySshd, type ThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import type { RunId } from '../../lib/model/run-id.ts';
import { openRunFolders } from '../../lib/storage/run-folders.ts';
import { run } from '../../lib/system/command.ts';
import { writeDurably } from '../../lib/system/files.ts';
import { readyData } from '../fixture/ready-data.ts';
import { type HostYaml, worldKeys } from '../fixture/world.ts';
import { type Disk, mountDisk } from './disk.ts';
import { type Link, startLink } from './link.ts';
import { type Night, type NightEnd, startNight } from './night.ts';
import type { Surroundings } from './surroundings.ts';

/** What each place of the world is called here, and its folder. Each is a disk of its own where disks can be made. */
export const DISKS = {
  store: 'host/mnt',
  export: 'host/export',
  keys: 'host/.dec',
  state: 'host/var',
  offsite: 'offsite/backups',
} as const;
export type DiskName = keyof typeof DISKS;

/** The phases that a night tells, in their order, and what is before and behind them. */
export const PHASES = ['preflight', 'dump', 'ship', 'publish'] as const;
export const START = 'start';
export const END = 'end';

/** Everything that nights change. */
const CHANGING = [...Object.values(DISKS), 'audit.git', 'tmp'];

/**
 * An embedded world whose parts can break: the contractor and the audit repository are reached by links, and the places
 * are on disks of their own. Between two faults it is put back as it was: with some runs, at every place, all on record.
 */
export interface FaultWorld {
  readonly world: EmbeddedWorld;
  readonly host: HostConfig;
  readonly allowedSigners: string;
  readonly surroundings: Surroundings;
  /** What must never be seen: in rows, the password of the backup account, the passphrase of the private keys. */
  readonly marker: string;
  readonly password: string;
  readonly links: { readonly offsite: Link; readonly audit: Link };
  /** Empty where none can be made. */
  readonly disks: ReadonlyMap<DiskName, Disk>;
  /** The runs that are there before each fault, the oldest first. */
  readonly base: readonly RunId[];
  /** How long the phases of a night usually are. */
  readonly usual: ReadonlyMap<string, number>;
  server(): ThrowawayServer;
  contractor(): ThrowawaySshd;
  at(...names: string[]): string;
  reset(): Promise<void>;
  /** The nightly task. `shift` has libfaketime preloaded, and is what its time file begins with. */
  startNight(shift?: string): Night;
  /** Another verb of the agent, to its end. */
  agent(words: readonly string[], input?: string): Promise<NightEnd>;
  timeFile: string;
  restartServer(): Promise<void>;
  restartContractor(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one in a folder of its own below `surroundings.folder`. */
export async function startFaultWorld(surroundings: Surroundings, name: string): Promise<FaultWorld> {
  const folder = join(surroundings.folder, name);
  const at = (...names: string[]) => join(folder, ...names);
  const started: { stop(): Promise<unknown> }[] = [];
  const stop = async () => {
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  try {
    const disks = new Map<DiskName, Disk>();
    if (surroundings.disks) {
      for (const [disk, path] of Object.entries(DISKS))
        disks.set(disk as DiskName, await mountDisk(at('devices', disk), at(path)));
    }
    await readyData(at('host/mysql'));
    mkdirSync(at('tmp'), { recursive: true });
    const world = await startEmbeddedWorld({ folder, keys: await worldKeys() });
    started.push(world);
    const gitServer = surroundings.login
      ? await startThrowawaySshd({ folder: at('git-sshd'), sftpOnly: false })
      : undefined;
    if (gitServer) started.push(gitServer);
    const offsite = await startLink(world.contractor.port);
    const audit = await startLink(gitServer?.port ?? 1);
    for (const link of [offsite, audit]) started.push({ stop: () => link.close() });
    await changeInventory(world, { offsite, audit, gitServer, timeShifts: surroundings.timeLibrary !== undefined });
    const marker = `marker-${randomBytes(20).toString('hex')}`;
    await loadSql(world.server.root, `${QUICKSTART_SQL}${markedRows(marker)}${COUNTERS}`);
    const password = /password = "(.*)"/.exec(await readFile(at('host/etc/coffre/my.cnf'), 'utf8'))?.[1] ?? '';
    const inventory = await world.inventory();
    let server = world.server;
    let contractor = world.contractor;
    const timeFile = at('time');
    const environment = { PATH: '/usr/bin:/bin', HOME: at('host/root'), LOGNAME: 'root', TMPDIR: at('tmp') };
    const made: { base: readonly RunId[]; usual: ReadonlyMap<string, number> } = { base: [], usual: new Map() };
    const self: FaultWorld = {
      ...{ world, surroundings, marker, password, disks, timeFile, at },
      host: await world.host(),
      allowedSigners: inventory.allowedSigners,
      links: { offsite, audit },
      get base() {
        return made.base;
      },
      get usual() {
        return made.usual;
      },
      server: () => server,
      contractor: () => contractor,
      async reset() {
        await putBack(at, disks);
        for (const link of [offsite, audit]) link.mend();
      },
      startNight: (shift) =>
        startNight({
          agent: surroundings.agent,
          words: ['backup', '--inventory', world.inventoryFolder],
          environment: { ...environment, ...(shift === undefined ? {} : shifted(surroundings, timeFile)) },
        }),
      agent: (words, input) =>
        startNight({
          agent: surroundings.agent,
          words: [...words, '--inventory', world.inventoryFolder],
          environment,
          ...(input === undefined ? {} : { input }),
        }).ended,
      async restartServer() {
        server = await startThrowawayServer({ folder: server.folder, logBin: true });
        started.push(server);
      },
      async restartContractor() {
        contractor = await startThrowawaySshd({ folder: at('offsite/sshd'), sftpOnly: true });
        started.push(contractor);
        offsite.leadTo(contractor.port);
      },
      stop,
    };
    made.usual = await makeBase(self);
    made.base = await openRunFolders(self.host.store.path).listRuns();
    return self;
  } catch (error) {
    await stop();
    throw error;
  }
}

interface ChangedParts {
  readonly offsite: Link;
  readonly audit: Link;
  readonly gitServer: ThrowawaySshd | undefined;
  readonly timeShifts: boolean;
}

/** The offsite and the audit repository behind their links; retention and a look at the copies, so that each night does all. */
async function changeInventory(
  world: EmbeddedWorld,
  { offsite, audit, gitServer, timeShifts }: ChangedParts,
): Promise<void> {
  const path = join(world.inventoryFolder, 'hosts/db1.yaml');
  const host = parse(await readFile(path, 'utf8')) as HostYaml;
  Object.assign(host.offsite[0] ?? {}, { port: offsite.port });
  // Of base runs of one and the same day the export would keep but one.
  if (timeShifts) host.retention = { export: { daily: 2 } };
  // Due in the night with the fault, as the last night of the base was a day before, and not in the next one.
  host.verify = { everyDays: timeShifts ? 1 : 0.00001, runs: 'latest' };
  if (gitServer) {
    const { user, hostKey, identityPath: identity } = gitServer;
    const remote = `ssh://${user}@127.0.0.1:${audit.port}${world.auditRepository}`;
    host.audit = { kind: 'git', remote, branch: 'main', identity, hostKey };
  }
  await writeDurably(path, stringify(host, { lineWidth: 0 }));
}

/** A server that was killed counts on from the highest row, and one that was not from where it has reserved numbers to. */
const COUNTERS = `USE shop;
ALTER TABLE customer AUTO_INCREMENT = 1;
ALTER TABLE orders AUTO_INCREMENT = 1;
`;

/** Rows that no compressor can shrink, each behind the marker, which every compressor would. */
function markedRows(marker: string): string {
  const bulk = `CONCAT(${Array.from({ length: 300 }, () => 'RANDOM_BYTES(1000)').join(', ')})`;
  const table = (database: string, rows: number) => `
CREATE TABLE ${database}.marked (id INT PRIMARY KEY, said VARCHAR(99), bulk LONGBLOB) ENGINE=InnoDB;
INSERT INTO ${database}.marked SELECT seq, '${marker}', ${bulk} FROM seq_1_to_${rows};`;
  return `USE shop;${table('shop', 8)}${table('crm', 2)}\n`;
}

const DAYS = 2;

/** Runs of the days before, if the time can be shifted, and of this one otherwise. Returns how long phases take by then. */
async function makeBase(world: FaultWorld): Promise<ReadonlyMap<string, number>> {
  const usual = new Map<string, number>();
  for (let day = DAYS; day >= 1; day -= 1) {
    const shifts = world.surroundings.timeLibrary !== undefined;
    await writeDurably(world.timeFile, `-${day}d\n`);
    const night = world.startNight(shifts ? 'shifted' : undefined);
    const end = await night.ended;
    if (end.exitCode !== 0) throw new Error(`a night without any fault ended with ${end.exitCode}: ${end.said}`);
    for (const [phase, ms] of durationsOf(night, end)) usual.set(phase, ms);
  }
  for (const name of CHANGING) {
    mkdirSync(world.at('base', name), { recursive: true });
    await copy(world.at(name), world.at('base', name));
  }
  return usual;
}

/** Beside the phases that are told: `start`, before the first of them, and `end`, behind the publication. */
function durationsOf({ events }: Night, { tookMs }: NightEnd): ReadonlyMap<string, number> {
  const at = (event: string, phase: string) =>
    events.find((each) => each.event === event && each.phase === phase)?.atMs ?? tookMs;
  const lasting = (phase: string) => [phase, at('phase-ended', phase) - at('phase-started', phase)] as const;
  return new Map([
    [START, at('phase-started', 'preflight')],
    ...PHASES.map(lasting),
    [END, tookMs - at('phase-ended', 'publish')],
  ]);
}

async function putBack(at: FaultWorld['at'], disks: FaultWorld['disks']): Promise<void> {
  for (const name of CHANGING) {
    const isDisk = [...disks.values()].some(({ path }) => path === at(name));
    if (isDisk) for (const each of readdirSync(at(name))) rmSync(at(name, each), { recursive: true, force: true });
    else rmSync(at(name), { recursive: true, force: true });
    mkdirSync(at(name), { recursive: true });
    await copy(at('base', name), at(name));
  }
  // What was there before the night is not what its faults may take away.
  if (disks.size > 0) await run('sync', ['--file-system', ...[...disks.values()].map(({ path }) => path)]);
}

async function copy(from: string, to: string): Promise<void> {
  const { exitCode, stderr } = await run('cp', ['-a', `${from}/.`, to]);
  if (exitCode !== 0) throw new Error(`cannot copy ${from} to ${to}: ${stderr}`);
}

/** The time of the file `timeFile`, which can be changed at any time, such as `-2d`; the time that passes stays as it is. */
function shifted({ timeLibrary }: Surroundings, timeFile: string): Record<string, string> {
  if (timeLibrary === undefined || !existsSync(timeFile)) throw new Error('the time cannot be shifted here');
  return {
    LD_PRELOAD: timeLibrary,
    FAKETIME_TIMESTAMP_FILE: timeFile,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
}
