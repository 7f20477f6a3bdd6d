import { link, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CoffreError, errnoOf } from '../model/error.ts';
import { type Clock, sleep } from '../system/clock.ts';
import { explained } from '../system/explained.ts';
import { readIfPresent, syncFolder } from '../system/files.ts';
import { describeHolder, describeOwner, isOver, LockOwner, type LockPurpose } from './lock-owner.ts';

export const STORE_LOCK = '.coffre-lock';

export interface StoreLock {
  /** Who was found dead over it, or was given up by its host's name. */
  readonly takenFrom: string | undefined;
  /** Throws `locked` when somebody has taken it away meanwhile, and what the store fails with. */
  assertHeld(): Promise<void>;
  /** Throws what keeps it there: the next run of this host takes it away. */
  release(): Promise<void>;
}

export interface StoreLockWish extends Omit<LockPurpose, 'since'> {
  /** The store: proven to be mounted. */
  readonly path: string;
  readonly clock: Clock;
  /** The host that has to hold the lock for it to be broken without a proof that its process is over. */
  readonly breakOf?: string | undefined;
  readonly timing?: { readonly beatMs: number; readonly watchMs: number };
}

/** A holder writes every ten seconds; whoever gives none of three signs in turn is taken for dead, but only where asked to. */
const TIMING = { beatMs: 10_000, watchMs: 35_000 };
/** All writes of a lock have this length, so that none of them is ever read as the half of two. */
const LOCK_BYTES = 2048;

/**
 * Takes the lock of a store among all machines that have its volume mounted. It is a file that only one of them can make. A
 * holder that is certainly over is moved out of the way: a process of this machine that has ended, or ran before it booted.
 * Of another machine nobody can tell; its lock is broken only where `breakOf` names its host, and after it has given no sign
 * of life while it was watched: clocks of machines are not compared. Throws `locked`, naming the holder.
 */
export async function lockStore({
  path,
  clock,
  breakOf,
  timing = TIMING,
  ...purpose
}: StoreLockWish): Promise<StoreLock> {
  const file = join(path, STORE_LOCK);
  const own = await describeOwner({ ...purpose, since: clock.now().toISOString() });
  let takenFrom: string | undefined;
  for (;;) {
    if (await makeLock(file, own)) return hold(file, own, clock, timing.beatMs, takenFrom);
    const owner = await readOwner(file);
    if (!owner) continue;
    if (!(await isOver(owner, own))) {
      if (breakOf !== owner.host) throw taken(file, owner, own);
      if (await givesSign(file, owner, timing.watchMs)) throw alive(file, owner);
    }
    if (await takeAway(file, owner)) takenFrom = describeHolder(owner);
  }
}

function hold(file: string, own: LockOwner, clock: Clock, beatMs: number, takenFrom: string | undefined): StoreLock {
  let beat = 0;
  let beating = Promise.resolve();
  const give = async () => {
    if ((await readOwner(file))?.nonce !== own.nonce) return;
    beat += 1;
    const handle = await open(file, 'r+');
    try {
      await handle.write(encode({ ...own, beat, beatAt: clock.now().toISOString() }), 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
  };
  const timer = setInterval(() => {
    beating = beating.then(give).catch(() => undefined); // the run itself finds out what is wrong with its store
  }, beatMs);
  timer.unref();
  return {
    takenFrom,
    async assertHeld() {
      const owner = await readOwner(file);
      if (owner?.nonce === own.nonce) return;
      const who = owner ? `${describeHolder(owner)} has it now` : 'it is not there any more';
      throw new CoffreError('locked', `cannot go on without the lock ${file}: ${who}`, {
        hint: 'somebody has broken it while this run was at work; wait for that one, and run again',
      });
    },
    async release() {
      clearInterval(timer);
      await beating;
      if ((await readOwner(file))?.nonce !== own.nonce) return;
      await rm(file, { force: true }).catch((error: unknown) => {
        throw explained('remove', file, error);
      });
    },
  };
}

/** false when there is one. It appears with its content or not at all, where the file system has links. */
async function makeLock(file: string, own: LockOwner): Promise<boolean> {
  // Under the name of a probe it is swept away should this process be killed here.
  const temporary = join(file, '..', `.coffre-probe-lock-${own.nonce}`);
  try {
    await writeNew(temporary, encode(own));
    await link(temporary, file);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (!NO_LINKS.includes(errnoOf(error) ?? '')) throw explained('write', file, error);
    return await writeNew(file, encode(own)).then(
      () => true,
      (second: unknown) => {
        if (errnoOf(second) === 'EEXIST') return false;
        throw explained('write', file, second);
      },
    );
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined); // the next probe sweeps it away
  }
  await syncFolder(join(file, '..'));
  return true;
}

const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

async function writeNew(path: string, content: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Moves a lock out of the way, and puts it back where it is another one by now: then somebody was faster. */
async function takeAway(file: string, owner: LockOwner): Promise<boolean> {
  const aside = join(file, '..', `.coffre-probe-broken-lock-${owner.nonce}`);
  try {
    await rename(file, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw explained('rename', file, error);
  }
  const moved = await readOwner(aside);
  const isTheOne = moved?.nonce === owner.nonce;
  if (!isTheOne) await link(aside, file).catch(() => undefined); // its holder finds out by itself
  await rm(aside, { force: true });
  return isTheOne;
}

/** Whether a lock changes, or goes, while it is looked at for `watchMs`. */
async function givesSign(file: string, { nonce, beat }: LockOwner, watchMs: number): Promise<boolean> {
  for (const until = performance.now() + watchMs; performance.now() < until; await sleep(watchMs / 35)) {
    const now = await readOwner(file);
    if (!now || now.nonce !== nonce || now.beat !== beat) return true;
  }
  return false;
}

/** undefined when there is no lock. */
async function readOwner(file: string): Promise<LockOwner | undefined> {
  for (let tries = 0; ; tries += 1) {
    const content = await readIfPresent(file);
    if (!content) return undefined;
    const owner = LockOwner.safeParse(jsonOf(content.toString('utf8'))).data;
    if (owner) return owner;
    if (tries === 20) {
      throw new CoffreError('locked', `cannot lock ${file}: it is there, and nobody can tell who holds it`, {
        hint: `look at: ls -la ${file}; when no run is at work on any host of this volume: rm ${file}`,
      });
    }
    await sleep(100); // it may be being written
  }
}

function encode(owner: LockOwner): string {
  return `${JSON.stringify(owner).padEnd(LOCK_BYTES - 1)}\n`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function taken(file: string, owner: LockOwner, own: LockOwner): CoffreError {
  return new CoffreError('locked', `cannot lock ${file}: ${describeHolder(owner)} holds it`, {
    hint: `wait for it; if that machine is gone for good: npx zx tasks/backup.ts ${own.host} --break-lock ${owner.host}`,
  });
}

function alive(file: string, owner: LockOwner): CoffreError {
  return new CoffreError('locked', `cannot break the lock ${file}: ${describeHolder(owner)} is at work`, {
    hint: 'wait for it, or end it there',
  });
}
