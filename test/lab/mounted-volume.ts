import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { sleep } from '../../lib/system/clock.ts';
import { type Ended, run } from '../../lib/system/command.ts';
import { temporaryFolder } from '../temporary.ts';
import { startLab } from './start-lab.ts';

export type BrickHost = 'gl1' | 'gl2';

/** A real volume of two bricks, mounted on this machine in a mount namespace of its own. */
export interface MountedVolume {
  readonly mount: string;
  readonly source: string;
  /** The words in front of a command that is to see it mounted. */
  readonly under: readonly string[];
  /** A command on one of the two hosts of the volume. */
  on(host: BrickHost, script: string): Promise<Ended>;
  killBrick(host: BrickHost): Promise<void>;
  /** Starts every brick that is dead. Resolves when both are at work, and the mount has found them. */
  startBricks(): Promise<void>;
  /** What `heal info` says once it says nothing to heal, or what it says a minute later. */
  healed(): Promise<string>;
}

const RECONNECT_MS = 4000;

/** Nothing to heal on either brick. */
export const CLEAN = /^Number of entries: 0\n[\s\S]*^Number of entries: 0$/m;

export async function mountVolume(t: Test): Promise<MountedVolume> {
  const { path: folder, remove } = temporaryFolder();
  const hosts = (['gl1', 'gl2'] as const).map((name) => ({ name, roles: ['gluster' as const] }));
  const lab = await startLab({ folder, hosts });
  t.teardown(() => lab.down().then(remove));
  const mount = join(folder, 'mounted');
  await mkdir(mount);
  const names = hosts.map(({ name }) => `${lab.host(name).address} ${name}`);
  await writeFile(join(folder, 'names'), `${await readFile('/etc/hosts', 'utf8')}\n${names.join('\n')}\n`);
  const script = `mount --bind '${folder}/names' /etc/hosts && mount -t glusterfs gl1:/data '${mount}' && echo mounted && exec sleep infinity`;
  const holder = spawn('unshare', ['--mount', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(async () => {
    await run('nsenter', ['--mount', '--target', `${holder.pid}`, 'umount', mount]);
    holder.kill('SIGKILL');
  });
  await once(holder.stdout, 'data');
  const under = ['nsenter', '--mount', '--target', `${holder.pid}`, `--wd=${process.cwd()}`];
  const on = (host: BrickHost, script: string) => lab.run(host, ['sh', '-c', script]);
  return {
    ...{ mount, source: 'gl1:/data', under, on },
    async killBrick(host) {
      const { exitCode } = await on(host, 'kill -9 $(cat /var/run/gluster/vols/data/*.pid)');
      t.equal(exitCode, 0, `the brick of ${host} is killed`);
    },
    async startBricks() {
      await on('gl1', 'gluster --mode=script volume start data force');
      for (let tries = 0; tries < 60; tries += 1) {
        const { stdout } = await on('gl1', 'gluster volume status data');
        const isUp = (stdout.match(/^Brick .*\sY\s+\d+\s*$/gm) ?? []).length === 2;
        if (isUp && (await run('env', [...under, 'ls', mount])).exitCode === 0) {
          // The client of a mount tries every three seconds to reach a brick that it has lost.
          await sleep(RECONNECT_MS);
          return;
        }
        await sleep(500);
      }
      t.fail('a brick does not come up again');
    },
    async healed() {
      let said = '';
      for (let tries = 0; tries < 120 && !CLEAN.test(said); tries += 1) {
        if (tries > 0) await sleep(500);
        said = (await on('gl1', 'gluster volume heal data info')).stdout;
      }
      return said;
    },
  };
}
