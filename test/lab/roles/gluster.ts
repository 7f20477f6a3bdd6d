import { type Inside, type Role, until } from './role.ts';

const VOLUME = 'data';
const MOUNT = '/mnt/data';
const BRICK = `/disk/${VOLUME}`;

/** glusterd, and a brick of one volume that every host of this role holds a copy of, mounted at /mnt/data. */
export const gluster: Role = {
  async install(inside) {
    await inside.must(['mkdir', '-p', '/var/log/glusterfs', '/var/lib/glusterd', MOUNT, BRICK]);
  },
  async start(inside) {
    await inside.must(['glusterd']);
    await until(`glusterd of ${inside.host.name} answers`, async () => {
      return (await inside.try(['gluster', '--mode=script', 'peer', 'status'])).exitCode === 0;
    });
    const again = await inside.try(['test', '-d', `/var/lib/glusterd/vols/${VOLUME}`]);
    if (again.exitCode === 0) await mount(inside);
  },
  async settle(inside) {
    const members = inside.plan.hosts.filter(({ spec }) => spec.roles?.includes('gluster'));
    const [first] = members;
    const cli = (...words: readonly string[]) => ['gluster', '--mode=script', ...words];
    if (first?.name === inside.host.name) {
      for (const { name } of members.slice(1)) await inside.must(cli('peer', 'probe', name));
      await until('all storage hosts know each other', async () => {
        const { stdout } = await inside.must(cli('pool', 'list'));
        return (stdout.match(/\bConnected\b/g) ?? []).length === members.length;
      });
      const bricks = members.map(({ name }) => `${name}:${BRICK}`);
      const copies = members.length > 1 ? ['replica', `${members.length}`] : [];
      await inside.must(cli('volume', 'create', VOLUME, ...copies, ...bricks, 'force'));
      // A host that fell silent holds a write up for this long, and 42 seconds if nobody says otherwise.
      await inside.must(cli('volume', 'set', VOLUME, 'network.ping-timeout', '5'));
      // By default a volume looks only every ten minutes for what there is to heal.
      await inside.must(cli('volume', 'set', VOLUME, 'cluster.heal-timeout', '5'));
      await inside.must(cli('volume', 'start', VOLUME));
    }
    await mount(inside);
  },
};

async function mount(inside: Inside): Promise<void> {
  await until(`${MOUNT} is mounted on ${inside.host.name}`, async () => {
    await inside.try(['mount', '-t', 'glusterfs', `${inside.host.name}:/${VOLUME}`, MOUNT]);
    const { stdout } = await inside.must(['cat', '/proc/self/mountinfo']);
    return stdout.includes(` ${MOUNT} `) && stdout.includes('fuse.glusterfs');
  });
}
