import { randomBytes } from 'node:crypto';
import { asCoffreError } from '../model/error.ts';
import type { Sftp } from '../system/sftp.ts';
import { askLoginMethods, connectSsh, type SshConnection, type SshTarget } from '../system/ssh.ts';
import { type FarEndAnswer, type Ground, NEED, type Need, type Verdict } from './far-end-condition.ts';
import { CONFINEMENT } from './far-end-confinement.ts';
import { COULD_WRITE } from './far-end-writing.ts';

export interface FarEnd {
  /** The host's own identity, the pinned key, and short time limits. */
  readonly target: SshTarget;
  /** The folder of the runs, as the account sees it. */
  readonly path: string;
  /** Folders of other hosts on the same server, as the inventory names them. */
  readonly others: readonly string[];
  /** Whether the account is one that can neither rename nor remove. */
  readonly appendOnly?: boolean;
}

/** Each on its own, in this order. The first makes the folder of the runs, as a backup would. */
const PROBES: Readonly<Partial<Record<Need, (ground: Ground) => Promise<Verdict>>>> = {
  ...COULD_WRITE,
  ...CONFINEMENT,
};

const STEP_MS = 20_000;
/** How old a file of an interrupted check must be before another one takes it away. */
const STALE_MS = 3_600_000;
const PREFIX = 'coffre-check-';

/**
 * Looks at the contractor's server from outside, as the host that ships to it: one answer for each condition, in a fixed
 * order, and never an error but `interrupted`. Fit for a server in production: two connections, one more for each that
 * the server breaks; small files under names of their own that are removed again; nothing overwritten, no password
 * tried. After a step without an answer in `stepMs` the rest is not tried. `now` is in milliseconds.
 */
export async function checkFarEnd(
  { target, path, others, appendOnly = false }: FarEnd,
  now: number,
  stepMs = STEP_MS,
): Promise<readonly FarEndAnswer[]> {
  const answers = new Map<Need, FarEndAnswer>();
  const answer = (check: Need, { fault, detail, says = NEED[check].says, hint = NEED[check].hint }: Verdict) => {
    const failed = fault !== undefined;
    answers.set(check, {
      ...{ check, says, outcome: failed ? 'failed' : 'ok' },
      ...{ detail: fault ?? detail, hint: failed ? hint : null },
    });
  };
  const all = () => (Object.keys(NEED) as Need[]).map((need) => answers.get(need) ?? untried(need));
  const limited = { readyTimeoutMs: stepMs, silenceMs: stepMs, ...target };

  try {
    const methods = await within(stepMs, askLoginMethods(limited));
    answer('reach', { detail: `${target.address} port ${target.port}` });
    answer('host-key', { detail: target.hostKey.split(' ')[0] ?? '' });
    answer('password', judgeMethods(methods));
  } catch (error) {
    const { code, message } = rethrowInterrupted(error);
    if (code === 'host-key') answer('reach', { detail: `${target.address} port ${target.port}` });
    answer(code === 'host-key' ? 'host-key' : 'reach', { fault: message, detail: '' });
    return all();
  }

  let connection: SshConnection;
  try {
    connection = await connectSsh(limited);
    answer('login', { detail: target.user });
  } catch (error) {
    answer('login', { fault: rethrowInterrupted(error).message, detail: '' });
    return all();
  }
  try {
    let ground: Ground;
    try {
      ground = await within(stepMs, prepare(connection, { target, path, others, appendOnly }, now));
    } catch (error) {
      answer('write', { fault: rethrowInterrupted(error).message, detail: '' });
      return all();
    }
    for (const [need, probe] of Object.entries(PROBES) as [Need, (ground: Ground) => Promise<Verdict>][]) {
      if ((need === 'offers' || need === 'closed') && answers.get('write')?.outcome === 'failed') continue; // it needs files of its own
      try {
        answer(need, await within(stepMs, probe(ground)));
      } catch (error) {
        answer(need, { fault: rethrowInterrupted(error).message, detail: '' });
        if (error instanceof Late) return all();
        if (await isAlive(ground, stepMs)) continue;
        // There are servers that hang up on whoever asks for too much: the next question is asked in a new call.
        connection.close();
        try {
          connection = await connectSsh(limited);
          ground = await within(stepMs, prepare(connection, { target, path, others, appendOnly }, now));
        } catch (late) {
          rethrowInterrupted(late);
          return all();
        }
      }
    }
    return all();
  } finally {
    connection.close();
  }
}

async function prepare(
  connection: SshConnection,
  { target, path, others, appendOnly = false }: FarEnd,
  now: number,
): Promise<Ground> {
  const sftp = await connection.sftp();
  const ssh = connection.probe();
  const touch = await ssh.sftp();
  const folder = path.replace(/\/+$/, '');
  const name = (what: string) => `${folder}/${PREFIX}${now}-${randomBytes(6).toString('hex')}-${what}`;
  await removeStale(sftp, folder, now).catch(() => undefined); // the probe that writes says what is wrong there
  return { sftp, touch, ssh, path: folder, others, port: target.port, name, appendOnly };
}

async function removeStale(sftp: Sftp, folder: string, now: number): Promise<void> {
  for (const { name, kind } of await sftp.list(folder)) {
    const made = new RegExp(`^${PREFIX}(\\d{1,15})-[0-9a-f]{12}-[a-z]+$`).exec(name)?.[1];
    if (made === undefined || kind === 'folder') continue;
    const isStale = Number(made) === now || now - Number(made) > STALE_MS;
    if (isStale) await sftp.removeFile(`${folder}/${name}`);
  }
}

function judgeMethods(methods: readonly string[]): Verdict {
  if (methods.length === 0) return { fault: 'it lets everybody in who knows the name of the account', detail: '' };
  const besides = methods.filter((method) => method !== 'publickey');
  if (besides.length === 0) return { detail: 'only publickey' };
  return { fault: `it offers ${besides.join(', ')} besides publickey`, detail: '' };
}

/** Whether it was that one step: then the connection still answers. */
function isAlive({ touch }: Ground, stepMs: number): Promise<boolean> {
  return within(stepMs, touch.resolve('.')).then(
    () => true,
    () => false,
  );
}

function untried(check: Need): FarEndAnswer {
  return { check, says: NEED[check].says, outcome: 'untried', detail: 'what it depends on failed', hint: null };
}

class Late extends Error {}

async function within<T>(timeoutMs: number, act: Promise<T>): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Late(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  act.catch(() => undefined); // it fails when the connection is closed, long after anybody waits for it
  try {
    return await Promise.race([act, tooLate]);
  } finally {
    clearTimeout(late);
  }
}

function rethrowInterrupted(thrown: unknown) {
  const error = asCoffreError(thrown);
  if (error.code === 'interrupted') throw error;
  return error;
}
