import { writeFile } from 'node:fs/promises';
import type { FaultKind, Strike } from '../fault.ts';
import type { DiskName } from '../fault-world.ts';

const needsDisks: FaultKind['isPossible'] = ({ disks }) => disks;

/** Something befalls the disk of a place, until the night is over. */
function diskFault(
  name: string,
  disk: DiskName,
  befall: 'turnReadOnly' | 'fail' | 'fill',
  options: Partial<Pick<FaultKind, 'weight' | 'phases'>> = {},
): FaultKind {
  return {
    ...{ name, isPossible: needsDisks, ...options },
    async strike({ world, night, random, heal }) {
      const alive = night.isAlive();
      const there = world.disks.get(disk);
      if (!there) return false;
      heal(() => there.repair());
      if (befall === 'fill') await there.fill(random.below(5) * 700_000);
      else await there[befall]();
      return alive;
    },
  };
}

/** Nothing that was not synced is there afterwards. The contractor has power. */
async function cutPower({ world, night, heal }: Strike): Promise<boolean> {
  const own = [...world.disks].flatMap(([name, disk]) => (name === 'offsite' ? [] : [disk]));
  for (const disk of own) heal(() => disk.repair());
  night.killAll();
  await Promise.all(own.map((disk) => disk.fail()));
  return (await night.ended).signal === 'SIGKILL';
}

/** The disks of the host, one of the contractor, and the power. */
export const DISK_FAULTS: readonly FaultKind[] = [
  diskFault('store-full', 'store', 'fill', { phases: ['start', 'preflight', 'dump', 'ship', 'end'] }),
  diskFault('export-full', 'export', 'fill', { phases: ['start', 'preflight', 'dump', 'ship'] }),
  diskFault('state-full', 'state', 'fill'),
  diskFault('keys-full', 'keys', 'fill', { phases: ['start', 'preflight', 'dump'] }),
  diskFault('offsite-full', 'offsite', 'fill', { phases: ['start', 'preflight', 'dump', 'ship', 'end'] }),
  diskFault('store-read-only', 'store', 'turnReadOnly'),
  diskFault('export-read-only', 'export', 'turnReadOnly', { phases: ['start', 'preflight', 'dump', 'ship', 'end'] }),
  diskFault('state-read-only', 'state', 'turnReadOnly'),
  diskFault('store-failing', 'store', 'fail'),
  diskFault('export-failing', 'export', 'fail', { phases: ['start', 'preflight', 'dump', 'ship', 'end'] }),
  diskFault('state-failing', 'state', 'fail'),
  { name: 'power-cut', weight: 3, isPossible: needsDisks, strike: cutPower },
];

/** The clock of the host jumps in the night, and is right again in the next one. */
function clockFault(name: string, shift: string): FaultKind {
  return {
    name,
    shiftsTime: true,
    // A record says when it was by the clock that the host had, and that is told.
    rightRules: ['time'],
    isPossible: ({ timeLibrary }) => timeLibrary !== undefined,
    async strike({ world, night }) {
      const alive = night.isAlive();
      await writeFile(world.timeFile, `${shift}\n`);
      return alive;
    },
  };
}

export const CLOCK_FAULTS: readonly FaultKind[] = [
  clockFault('clock-a-day-ahead', '+1d'),
  clockFault('clock-a-day-back', '-1d'),
];
