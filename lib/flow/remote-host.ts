import type * as z from 'zod';
import { type HostFacts, PROBE_SCRIPT, parseProbe } from '../host/probe.ts';
import { SWEEP_UPLOADS_SCRIPT } from '../host/uploads.ts';
import { Converged, type ConvergeOrder } from '../model/converge-order.ts';
import { DrillerConverged, type DrillerOrder } from '../model/driller-order.ts';
import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig } from '../model/inventory.ts';
import { connectSsh, type SshConnection } from '../system/ssh.ts';
import type { Login } from './login.ts';
import { patientSignal } from './patient-signal.ts';
import { asRoot, type Errand, runAgent } from './run-agent.ts';
import { type ReleaseFile, sendRelease } from './send-release.ts';

/** What has to be known of a machine to reach it, whichever its role. */
export type Reachable = Pick<HostConfig, 'name' | 'ssh'> & {
  readonly agent: Pick<HostConfig['agent'], 'path'>;
};

/** A host that control has logged in to. Whoever opens MUST close. */
export interface RemoteHost {
  readonly facts: HostFacts;
  /** For what needs no agent; closed with the host. */
  readonly connection: SshConnection;
  /** Has the agent carry out the order. */
  converge(order: ConvergeOrder, release: ReleaseFile, emit: Emit): Promise<Converged>;
  /** The same for a driller. */
  convergeDriller(order: DrillerOrder, release: ReleaseFile, emit: Emit): Promise<DrillerConverged>;
  /** Has the agent run a verb: the installed one where it is `release`, else one that is sent for this. */
  run<Data>(errand: Errand<Data>, release: ReleaseFile, emit: Emit): Promise<Data>;
  close(): Promise<void>;
}

const SHORT_MS = 60_000;

/**
 * Logs in and looks around. When `signal` fires, the agent stops after the step that it is at, and its upload is taken
 * away; a host that takes too long over that is left. Throws `host-unreachable`, `host-key`, or `refused` where the login
 * may not do the work.
 */
export async function openRemoteHost(host: Reachable, login: Login, signal: AbortSignal): Promise<RemoteHost> {
  const { ssh } = host;
  if (!ssh) {
    throw new CoffreError('inventory', `cannot reach ${host.name}: the inventory does not say how`, {
      hint: `add ssh: { address, user, hostKey } to the file of ${host.name}`,
    });
  }
  const identity = await login(ssh);
  const patience = patientSignal(signal);
  const target = { ...ssh, identity, unreachable: 'host-unreachable', signal: patience.signal } as const;
  const connection = await connectSsh(target).catch((error: unknown) => {
    patience.end();
    throw error;
  });
  patience.begin();
  const uploads: string[] = [];
  const sent = new Map<string, Promise<string>>();
  try {
    const facts = await probe(connection, host);
    signal.throwIfAborted();
    const run: RemoteHost['run'] = async (errand, release, emit) => {
      const installed = facts.release === release.identity;
      const once = () => {
        const receiver = { name: host.name, emit, signal, made: (folder: string) => uploads.push(folder) };
        const sending = sent.get(release.identity) ?? sendRelease(connection, release, receiver);
        sent.set(release.identity, sending);
        return sending;
      };
      const folder = installed ? `${host.agent.path}/current` : await once();
      signal.throwIfAborted();
      return await runAgent({ connection, facts, emit, signal }, `${folder}/coffre`, errand);
    };
    return {
      facts,
      connection,
      run,
      converge: (order, release, emit) => run(convergeErrand(host, order, Converged), release, emit),
      convergeDriller: (order, release, emit) => run(convergeErrand(host, order, DrillerConverged), release, emit),
      async close() {
        try {
          for (const folder of uploads)
            await connection.run([...asRoot(facts), 'rm', '-rf', '--', folder], { timeoutMs: SHORT_MS });
        } catch {
          // the connection is gone: whoever looks at this host next removes what is left there
        } finally {
          connection.close();
          patience.end();
        }
      },
    };
  } catch (error) {
    connection.close();
    patience.end();
    throw error;
  }
}

async function probe(connection: SshConnection, host: Reachable): Promise<HostFacts> {
  const words = ['sh', '-s', '--', host.agent.path];
  const { exitCode, stdout } = await connection.run(words, {
    input: SWEEP_UPLOADS_SCRIPT + PROBE_SCRIPT,
    timeoutMs: SHORT_MS,
  });
  if (exitCode === null) {
    throw new CoffreError(
      'host-unreachable',
      `cannot look at ${host.name}: the connection broke, or nothing came for a minute`,
      {
        hint: 'look at the load of the host and at the network, then run it again',
      },
    );
  }
  const facts = parseProbe(stdout);
  if (facts.access !== 'none') return facts;
  throw new CoffreError(
    'refused',
    `cannot change ${host.name}: ${facts.user} is not root, and sudo asks for a password`,
    {
      hint: `let it: echo '${facts.user} ALL=(root) NOPASSWD: ALL' > /etc/sudoers.d/coffre; or set ssh.user to root`,
    },
  );
}

function convergeErrand<Data>({ name }: Reachable, order: unknown, data: z.ZodType<Data>): Errand<Data> {
  const afterBreak = 'run it again: what was begun is finished, and what was done is not done again';
  return { name, words: ['converge', '--attended'], order, data, afterBreak };
}
