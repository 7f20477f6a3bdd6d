import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../lib/system/command.ts';
import { startLab } from '../lab/start-lab.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';
import { temporaryFolder } from '../temporary.ts';

/* The contract of stores on a real volume of two bricks, mounted on this machine in a mount namespace of its own. */

t.setTimeout(400_000);
const CONTRACT = join(import.meta.dirname, '../contract/gluster-store.ts');

t.test('a GlusterFS volume as a store', { skip: whyNoLab() ?? false }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const hosts = ['gl1', 'gl2'].map((name) => ({ name, roles: ['gluster' as const] }));
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
  /** The contract as a process that has the volume mounted. */
  const judge = async (words: readonly string[]) => {
    const node = [process.execPath, '--import=tsx', CONTRACT, mount, 'gl1:/data', ...words];
    const ended = await run('nsenter', ['--mount', '--target', `${holder.pid}`, `--wd=${process.cwd()}`, ...node]);
    return ended;
  };

  await t.test('it passes the contract', async (t) => {
    const { exitCode, stdout, stderr } = await judge(['contract']);
    t.equal(
      exitCode,
      0,
      stdout
        .split('\n')
        .filter((line) => /not ok/.test(line))
        .join('\n') + stderr,
    );
    t.match(stdout, /^# \{ total: \d+, pass: \d+ \}/m);
  });

  const brick = (name: string, script: string) => lab.run(name, ['sh', '-c', script]);
  const END = 'kill -9 $(cat /var/run/gluster/vols/data/*.pid)';

  await t.test('one brick dead: a run is written; both dead: the sentence and the gluster command', async (t) => {
    t.equal((await brick('gl2', END)).exitCode, 0);
    const alone = await judge(['write', '2026-11-22T040000Z']);
    t.equal(alone.exitCode, 0, alone.stdout + alone.stderr);
    t.equal((await brick('gl1', END)).exitCode, 0);
    const dead = await judge(['write', '2026-11-23T040000Z']);
    t.match(dead.stdout, /^store-unreachable cannot .*: the volume data does not answer: .*\(ENOTCONN\)$/m);
    t.match(dead.stdout, /^hint: look at: gluster volume status data; .*umount -l .*mounted; mount /m);
  });

  await t.test('both back: nothing is lost, and nothing is left to heal', async (t) => {
    await brick('gl1', 'gluster --mode=script volume start data force');
    let healed = '';
    for (
      let tries = 0;
      tries < 120 && !/^Number of entries: 0\n[\s\S]*^Number of entries: 0$/m.test(healed);
      tries += 1
    ) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      healed = (await brick('gl1', 'gluster volume heal data info')).stdout;
    }
    t.match(healed, /^Number of entries: 0\n[\s\S]*^Number of entries: 0$/m);
    const read = await judge(['read', '2026-11-22T040000Z']);
    t.equal(read.exitCode, 0, read.stdout + read.stderr);
    for (const name of ['gl1', 'gl2']) {
      const { stdout } = await brick(name, 'ls /disk/data/written/2026-11-22T040000Z');
      t.equal(stdout.trim(), 'shop.tar.gz.enc', `the brick of ${name} has it`);
    }
    const again = await judge(['write', '2026-11-24T040000Z']);
    t.equal(again.exitCode, 0, again.stdout + again.stderr);
  });
});
