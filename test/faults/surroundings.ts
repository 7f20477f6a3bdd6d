import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extract } from 'tar';
import { buildRelease } from '../../lib/host/release/build-release.ts';
import { hasLoginShell } from '../login-shell.ts';

/** Set in the namespaces that `withinNamespaces` has made. */
const INSIDE = 'COFFRE_FAULTS_INSIDE';

/** What this machine lets the suite do, and what all worlds share. */
export interface Surroundings {
  /** The folder of everything. */
  readonly folder: string;
  /** The launcher of an unpacked release. */
  readonly agent: string;
  /** Whether file systems can be made and broken: as root, in a mount namespace of our own. */
  readonly disks: boolean;
  /** The library that shifts the time of a process; undefined where it is not installed. */
  readonly timeLibrary: string | undefined;
  /** Whether the user can log in by SSH, so that git reaches the audit repository over a link. */
  readonly login: boolean;
  /** A cgroup (version 1) for memory in which others can be made. */
  readonly memoryGroups: string | undefined;
  /** For people: what cannot be tried out here, and why. */
  readonly missing: readonly string[];
  remove(): void;
}

/**
 * As root: runs the same command again in a mount and a PID namespace of its own, so that every mount and every process goes
 * with it, however it ends. Returns its exit code; undefined when this is that one already, or when there is no need.
 */
export function withinNamespaces(command: readonly string[]): number | undefined {
  if (process.getuid?.() !== 0 || process.env[INSIDE] === '1') return undefined;
  const words = ['--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  if (spawnSync('unshare', [...words, 'true'], { stdio: 'ignore' }).status !== 0) return undefined;
  const { status } = spawnSync('unshare', [...words, ...command], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  });
  return status ?? 1;
}

export async function makeSurroundings(): Promise<Surroundings> {
  const folder = mkdtempSync(join(tmpdir(), 'coffre-faults-'));
  const inside = process.env[INSIDE] === '1';
  // All of it in memory: it is written and thrown away hundreds of times.
  const isMounted = inside && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=80%', 'none', folder]).status === 0;
  const disks = isMounted && canMakeDisks(folder);
  const timeLibrary = findTimeLibrary();
  const login = hasLoginShell();
  const memoryGroups = inside ? findMemoryGroups() : undefined;
  const agent = await unpackAgent(join(folder, 'agent'));
  return {
    ...{ folder, agent, disks, timeLibrary, login, memoryGroups },
    missing: [
      'bricks of a GlusterFS volume that die: they need hosts of their own, as in test/lab-suite/gluster-nights.suite.ts',
      ...(disks
        ? []
        : ['disks that are full, failing or read-only, and power cuts: needs root, loop devices and ext4']),
      ...(timeLibrary ? [] : ['a clock that jumps: needs the package faketime']),
      ...(login ? [] : ['an audit repository behind a link: needs a user with a login shell']),
      ...(memoryGroups ? [] : ["the kernel's out-of-memory killer: needs root and memory cgroups, version 1"]),
    ],
    remove() {
      if (isMounted) spawnSync('umount', ['--lazy', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function canMakeDisks(folder: string): boolean {
  const script = `cd "$1" && mkdir probe probe/m && truncate -s 8M probe/i && mkfs.ext4 -q probe/i && command -v e2fsck fallocate findmnt &&
mount -o loop probe/i probe/m && test -w /sys/fs/ext4/$(basename $(findmnt -no SOURCE probe/m))/trigger_fs_error; ended=$?
umount probe/m; rm -rf probe; exit $ended`;
  return spawnSync('sh', ['-c', script, 'sh', folder], { stdio: 'ignore' }).status === 0;
}

function findTimeLibrary(): string | undefined {
  const folders = ['/usr/lib', '/usr/lib64'].filter((folder) => existsSync(folder));
  const candidates = folders.flatMap((folder) => [folder, ...readdirSync(folder).map((name) => join(folder, name))]);
  return candidates.map((folder) => join(folder, 'faketime/libfaketimeMT.so.1')).find((path) => existsSync(path));
}

function findMemoryGroups(): string | undefined {
  const group = '/sys/fs/cgroup/memory';
  try {
    const probe = mkdtempSync(join(group, 'coffre-probe-'));
    writeFileSync(join(probe, 'memory.limit_in_bytes'), readFileSync(join(probe, 'memory.limit_in_bytes')));
    rmdirSync(probe);
  } catch {
    return undefined;
  }
  return group;
}

async function unpackAgent(folder: string): Promise<string> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const { path } = await buildRelease({ verbs: ['backup', 'restore'], arch, runtime: false });
  mkdirSync(folder);
  await extract({ file: path, cwd: folder });
  symlinkSync(process.execPath, join(folder, 'node'));
  return join(folder, 'coffre');
}
