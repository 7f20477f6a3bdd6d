import { rmSync } from 'node:fs';
import { execute } from '../../../lib/database/client.ts';
import { startThrowawayServer, type ThrowawayServer } from '../../../lib/database/throwaway-server.ts';
import { type ContentDigests, compareContent, readContent } from '../../../lib/flow/compare-content.ts';
import { QUICKSTART_DATABASES } from '../../../lib/flow/quickstart-data.ts';
import type { Random } from '../../fixture/random.ts';
import { readyData } from '../../fixture/ready-data.ts';
import type { FaultWorld } from '../fault-world.ts';
import type { Findings } from './copies.ts';

const truths = new WeakMap<FaultWorld, Promise<ContentDigests>>();

/** A run is restored from one of its places into a server of its own, and what is there then is what was there. */
export async function checkRestores(world: FaultWorld, run: string, random: Random): Promise<Findings> {
  const folder = world.at('scratch');
  const from = ['store', 'export', 'offsite:contractor'][random.below(3)] ?? 'store';
  let scratch: ThrowawayServer | undefined;
  try {
    await readyData(folder);
    scratch = await startThrowawayServer({ folder });
    await execute(scratch.root, 'DO 0');
    const { company, passphrase } = world.world.keys;
    const words = ['restore', '--from', from, '--run', run, '--socket', scratch.socket, '--key', company];
    const login = ['--defaults-file', world.world.adminOptions, '--passphrase-fd', '0'];
    const { exitCode, said } = await world.agent([...words, ...login], `${passphrase}\n`);
    if (exitCode !== 0) return [`${run} cannot be restored from ${from}: ${exitCode}: ${said.slice(-1000)}`];
    const truth = truths.get(world) ?? readContent(world.server().root, QUICKSTART_DATABASES);
    truths.set(world, truth);
    const found = await readContent(scratch.root, QUICKSTART_DATABASES, await truth);
    return compareContent(await truth, found).map((difference) => `${run} from ${from}: ${difference}`);
  } finally {
    await scratch?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
