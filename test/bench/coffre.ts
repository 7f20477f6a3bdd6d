import { join } from 'node:path';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { readManifest } from '../../lib/flow/read-manifest.ts';
import { sftpOffsites } from '../../lib/model/offsite-config.ts';
import { openRunFolders } from '../../lib/storage/run-folders.ts';
import { run } from '../../lib/system/command.ts';
import type { BenchWorld } from './bench-world.ts';
import type { Contestant } from './contestant.ts';
import { settle } from './settle.ts';
import { storedBytes } from './stored-bytes.ts';
import { timed } from './timed.ts';

/**
 * coffre as cron runs it on a host: the launcher of a release, with an environment of nothing but PATH. The launcher
 * becomes Node, so that the peak of memory is that of coffre's own process.
 */
export const COFFRE: Contestant = {
  name: 'coffre',
  does: 'coffre backup, from its release',
  leavesOut: [],
  programs: [],
  aim: null,
  roughMBps: 50,
  async takeBackup({ world, host, agent }, signal) {
    await settle();
    const words = ['-i', 'PATH=/usr/bin:/bin', agent, 'backup', '--inventory', world.inventoryFolder];
    const cost = await timed('/usr/bin/env', words, { signal });
    const store = openRunFolders(host.store.path);
    const newest = (await store.listRuns()).at(-1);
    const reader = newest && (await store.openRun(newest));
    if (!newest || !reader) throw new Error('coffre has left no run');
    const { allowedSigners } = await world.inventory();
    const { manifest } = await readManifest(reader, world.hostName, newest, allowedSigners);
    const [offsite] = sftpOffsites(host.offsite);
    return { ...cost, manifest, storedBytes: offsite ? await storedBytes(join(offsite.path, newest)) : 0 };
  },
  async restore({ world, agent }, folder) {
    const server = await startThrowawayServer({ folder });
    const { exitCode, stdout, stderr } = await run(
      agent,
      [
        ...['restore', '--inventory', world.inventoryFolder, '--from', 'offsite:contractor', '--socket', server.socket],
        ...['--defaults-file', world.adminOptions, '--key', world.keys.company, '--passphrase-fd', '0'],
      ],
      { cwd: '/', input: `${world.keys.passphrase}\n` },
    );
    if (exitCode === 0) return server;
    await server.stop();
    throw new Error(`cannot restore coffre's run: ${stdout}${stderr}`);
  },
  async clear({ host }: BenchWorld) {
    for (const path of [
      host.store.path,
      host.export.path,
      host.keys.path,
      ...sftpOffsites(host.offsite).map(({ path }) => path),
    ]) {
      const folders = openRunFolders(path);
      for (const run of await folders.listRuns()) await folders.removeRun(run);
    }
  },
};
