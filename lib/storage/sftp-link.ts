import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { sleep } from '../system/clock.ts';
import type { Sftp } from '../system/sftp.ts';
import { statusOf } from '../system/sftp-extensions.ts';
import type { SshConnection } from '../system/ssh.ts';
import { hasBrokenOff } from '../system/ssh-failure.ts';

export interface LinkSession {
  readonly connection: SshConnection;
  readonly sftp: Sftp;
}

export interface LinkOptions {
  /** How long a lost connection is tried to be had again without anything being achieved. 0: not at all. */
  readonly patienceMs: number;
  readonly signal?: AbortSignal | undefined;
}

const FIRST_WAIT_MS = 250;
const FIRST_TRIES = 3;
const LONGEST_WAIT_MS = 30_000;
/** What is under way fails a little before it is known that its connection has gone. */
const GONE_MS = 1000;

/**
 * An SFTP session that is made anew when it is lost: what was being done is done again, after a wait that doubles each time. The
 * first connection is not waited for, unless it breaks while it is being made. Whoever opens MUST close, which also ends every wait.
 */
export class SftpLink {
  readonly #connect: () => Promise<SshConnection>;
  readonly #patienceMs: number;
  readonly #closed = new AbortController();
  readonly #stop: AbortSignal;
  #session: Promise<LinkSession> | undefined;

  private constructor(connect: () => Promise<SshConnection>, { patienceMs, signal }: LinkOptions) {
    this.#connect = connect;
    this.#patienceMs = patienceMs;
    this.#stop = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
  }

  static async open(connect: () => Promise<SshConnection>, options: LinkOptions): Promise<SftpLink> {
    const link = new SftpLink(connect, options);
    for (let tries = 1; ; tries += 1) {
      try {
        await link.#now();
        return link;
      } catch (error) {
        link.#end();
        // Only where somebody has answered: nobody waits for a server that is down.
        if (tries > FIRST_TRIES || options.patienceMs === 0 || !hasBrokenOff(error)) throw error;
        await sleep(FIRST_WAIT_MS, link.#stop);
      }
    }
  }

  /**
   * Does `act`, again from its beginning whenever the connection is lost, for as long as there is progress, which grows, or
   * patience. Throws what `act` throws for any other reason, and in the end why there is no connection.
   */
  async persist<T>(act: (session: LinkSession) => Promise<T>, progress: () => number = () => 0): Promise<T> {
    const goOn = this.#patient(progress);
    for (;;) {
      let session: LinkSession | undefined;
      try {
        session = await this.#now();
        return await act(session);
      } catch (error) {
        await goOn(session, error);
      }
    }
  }

  /** What `open` reads from a position on, over as many connections as it takes. */
  async *read(start: number, open: (session: LinkSession, at: number) => Bytes): Bytes {
    let at = start;
    const goOn = this.#patient(() => at);
    for (;;) {
      let session: LinkSession | undefined;
      try {
        session = await this.#now();
        for await (const chunk of open(session, at)) {
          at += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        await goOn(session, error);
      }
    }
  }

  close(): void {
    this.#closed.abort(new CoffreError('interrupted', 'cannot go on: the connection was closed'));
    this.#end();
  }

  #now(): Promise<LinkSession> {
    this.#stop.throwIfAborted();
    this.#session ??= (async () => {
      const connection = await this.#connect();
      try {
        return { connection, sftp: await connection.sftp() };
      } catch (error) {
        connection.close();
        throw error;
      }
    })();
    return this.#session;
  }

  #end(): void {
    this.#session?.then(({ connection }) => connection.close()).catch(() => undefined);
    this.#session = undefined;
  }

  /** Waits before the next try; throws when there is to be none. */
  #patient(progress: () => number) {
    let reached = progress();
    let troubleSince: number | undefined;
    let tries = 0;
    return async (session: LinkSession | undefined, error: unknown): Promise<void> => {
      if (!(await isLost(session, error))) throw error;
      if (!session || session === (await this.#session?.catch(() => session))) this.#end();
      const now = performance.now();
      if (progress() > reached) {
        reached = progress();
        troubleSince = undefined;
        tries = 0;
      }
      troubleSince ??= now;
      const leftMs = this.#patienceMs - (now - troubleSince);
      if (leftMs <= 0 || this.#stop.aborted) throw tries === 0 ? error : givenUp(error, now - troubleSince, tries);
      await sleep(Math.min(FIRST_WAIT_MS * 2 ** tries, LONGEST_WAIT_MS, leftMs), this.#stop);
      tries += 1;
    };
  }
}

/** Whether the connection failed, and not what was asked for. */
async function isLost(session: LinkSession | undefined, error: unknown): Promise<boolean> {
  if (asCoffreError(error).code !== 'offsite-unreachable' || statusOf(error) !== undefined) return false;
  return session === undefined || session.sftp.isGone() || (await session.connection.isGone(GONE_MS));
}

function givenUp(error: unknown, forMs: number, tries: number): CoffreError {
  const { code, message, hint } = asCoffreError(error);
  const tried = `; tried ${tries} ${tries === 1 ? 'time' : 'times'} more within ${Math.round(forMs / 1000)} s`;
  return new CoffreError(code, `${message}${tried}`, { ...(hint === undefined ? {} : { hint }), cause: error });
}
