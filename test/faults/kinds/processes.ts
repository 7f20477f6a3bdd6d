import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../../lib/system/clock.ts';
import { run } from '../../../lib/system/command.ts';
import type { FaultKind, Strike } from '../fault.ts';
import { type Child, kill, sessionOf } from '../night.ts';

const everywhere = () => true;

/** Kills one of what the night has started, as soon as there is one. */
function killChild(name: string, phases: readonly string[] | undefined, isOne: (child: Child) => boolean): FaultKind {
  return {
    name,
    ...(phases ? { phases } : {}),
    isPossible: everywhere,
    async strike({ night, random }) {
      while (night.isAlive()) {
        const children = night.children().filter(isOne);
        const child = children[random.below(children.length)];
        if (child) {
          kill(child.pid);
          return true;
        }
        await sleep(2);
      }
      return false;
    },
  };
}

const COMPRESSOR = /^(igzip|pigz|gzip|zstd)$/;

async function limit({ night }: Strike, ...words: readonly string[]): Promise<boolean> {
  const { exitCode } = await run('prlimit', ['--pid', `${night.pid}`, ...words]);
  return exitCode === 0;
}

/** The kernel's own choice of whom to kill, when the night and all that it runs need more than there is. */
const outOfMemory: FaultKind = {
  name: 'out-of-memory',
  isPossible: ({ memoryGroups }) => memoryGroups !== undefined,
  async strike({ world, night, random, heal }) {
    const { memoryGroups } = world.surroundings;
    if (memoryGroups === undefined) return false;
    const group = mkdtempSync(join(memoryGroups, 'coffre-faults-'));
    heal(() => rmdirSync(group));
    const limitBytes = (4 + random.below(60)) * 1024 * 1024;
    writeFileSync(join(group, 'memory.limit_in_bytes'), `${limitBytes}`);
    // What it has already is not counted here, and what it takes from now on is.
    const alive = night.isAlive();
    for (const pid of [night.pid, ...night.children().map((child) => child.pid)]) {
      try {
        writeFileSync(join(group, 'cgroup.procs'), `${pid}`);
      } catch {
        // it has ended meanwhile
      }
    }
    return alive;
  },
};

/** coffre, what it runs, and what the system lets it have. */
export const PROCESS_FAULTS: readonly FaultKind[] = [
  {
    name: 'kill-coffre',
    weight: 2,
    isPossible: everywhere,
    async strike({ night }) {
      night.kill();
      return (await night.ended).signal === 'SIGKILL';
    },
  },
  {
    name: 'kill-all',
    weight: 2,
    isPossible: everywhere,
    async strike({ night }) {
      night.killAll();
      return (await night.ended).signal === 'SIGKILL';
    },
  },
  killChild('kill-dump', ['dump'], ({ program }) => program.startsWith('mariadb-dump')),
  killChild('kill-compressor', ['dump'], ({ program }) => COMPRESSOR.test(program)),
  killChild('kill-child', undefined, () => true),
  outOfMemory,
  {
    name: 'no-descriptors',
    isPossible: everywhere,
    async strike(strike) {
      const { night, random } = strike;
      const { stdout } = await run('sh', ['-c', `ls /proc/${night.pid}/fd | wc -l`]);
      const count = Number(stdout) + random.below(4);
      return await limit(strike, `--nofile=${count}:${count}`);
    },
  },
  {
    name: 'no-memory',
    isPossible: everywhere,
    async strike(strike) {
      const { stdout } = await run('awk', ['/^VmSize/ { print $2 * 1024 }', `/proc/${strike.night.pid}/status`]);
      const bytes = Number(stdout) + strike.random.below(64) * 1024 * 1024;
      return stdout !== '' && (await limit(strike, `--as=${bytes}:${bytes}`));
    },
  },
  {
    name: 'file-size-limit',
    isPossible: everywhere,
    async strike(strike) {
      const bytes = strike.random.below(4) * 500_000;
      return await limit(strike, `--fsize=${bytes}:${bytes}`);
    },
  },
];

/** The database server. */
export const SERVER_FAULTS: readonly FaultKind[] = [
  {
    name: 'kill-mariadbd',
    phases: ['start', 'preflight', 'dump'],
    weight: 2,
    isPossible: everywhere,
    async strike({ world, night, heal }) {
      const alive = night.isAlive();
      kill(world.server().pid);
      // Its supervisor starts it again, while the night goes on.
      const again = sleep(500).then(() => world.restartServer());
      heal(() => again);
      return alive;
    },
  },
];

/** The sshd of the contractor. */
export const SSHD_FAULTS: readonly FaultKind[] = [
  {
    name: 'kill-sshd-session',
    phases: ['dump', 'ship', 'end'],
    isPossible: everywhere,
    async strike({ world, night, random }) {
      while (night.isAlive()) {
        const sessions = await childrenOf(world.contractor().pid);
        const one = sessions[random.below(sessions.length)];
        if (one !== undefined) {
          kill(one);
          return true;
        }
        await sleep(5);
      }
      return false;
    },
  },
  {
    name: 'kill-sshd',
    phases: ['start', 'preflight', 'dump', 'ship', 'end'],
    isPossible: everywhere,
    async strike({ world, night, heal }) {
      const alive = night.isAlive();
      const server = world.contractor().pid;
      const sessions = [...sessionOf(server).map(({ pid }) => pid), ...(await childrenOf(server))];
      for (const pid of [server, ...sessions]) kill(pid);
      heal(() => world.restartContractor());
      return alive;
    },
  },
];

async function childrenOf(pid: number): Promise<readonly number[]> {
  const { stdout } = await run('ps', ['--ppid', `${pid}`, '-o', 'pid=']);
  return stdout.split('\n').flatMap((line) => (line.trim() === '' ? [] : [Number(line)]));
}
