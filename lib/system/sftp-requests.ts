import { sftpRefusal } from './sftp-refusal.ts';

type Callback<T> = (error: Error | null | undefined, value: T) => void;

/**
 * Sends one request and gives its answer. `slow`: one that may keep the server busy for long, such as a flush of all that
 * was written.
 */
export type Ask = <T>(what: string, send: (done: Callback<T>) => void, slow?: 'slow') => Promise<T>;

/** What the SFTP session needs of the connection under it. */
export interface SftpLink {
  /** An error that has no SFTP status, such as a broken connection, as one of ours. */
  readonly failed: (error: unknown) => Error;
  /** Calls `react` once, when the connection or the session is gone. */
  readonly onGone: (react: () => void) => void;
  /** Ends the connection, which is lost for this reason. */
  readonly lose: (why: Error) => void;
  /** A server that answers no request for so long is lost. */
  readonly silenceMs: number;
}

/** A disk may have all of a large file still in memory when it is to be flushed. */
const SLOW_FACTOR = 10;
/** A process that was stopped looks once more before it blames the other side: the answers may be here already. */
const SECOND_LOOK_MS = 500;

/**
 * Requests over one SFTP session, none of which waits for ever: when the connection goes, all of them fail, and a
 * connection over which no answer comes for `silenceMs` while one is asked for is ended. Keepalives do not tell that: a
 * server whose disk hangs answers them.
 */
export function sftpRequests({ failed, onGone, lose, silenceMs }: SftpLink): {
  readonly ask: Ask;
  readonly isGone: () => boolean;
} {
  // ssh2 fails what is under way when the connection goes, and then takes requests that it never answers.
  const waiting = new Map<() => void, boolean>();
  let gone = false;
  let heardAt = 0;
  let watch: NodeJS.Timeout | undefined;
  onGone(() => {
    gone = true;
    clearTimeout(watch);
    for (const giveUp of waiting.keys()) giveUp();
    waiting.clear();
  });

  const look = (afterMs: number, suspected: boolean) => {
    watch = setTimeout(() => {
      if (waiting.size === 0 || gone) return;
      const allowedMs = [...waiting.values()].includes(true) ? silenceMs * SLOW_FACTOR : silenceMs;
      const leftMs = allowedMs - (performance.now() - heardAt);
      if (leftMs > 0) look(leftMs, false);
      else if (!suspected) look(SECOND_LOOK_MS, true);
      else lose(new Error(`it has answered nothing for ${Math.round(allowedMs / 1000)} s`));
    }, afterMs);
  };

  const ask: Ask = (what, send, slow) =>
    new Promise((resolve, reject) => {
      const giveUp = () => reject(failed(new Error('the connection broke')));
      if (gone) return giveUp();
      if (waiting.size === 0) {
        heardAt = performance.now();
        clearTimeout(watch);
        look(silenceMs, false);
      }
      waiting.set(giveUp, slow === 'slow');
      const done: Parameters<typeof send>[0] = (error, value) => {
        heardAt = performance.now();
        waiting.delete(giveUp);
        if (waiting.size === 0) clearTimeout(watch);
        if (error) reject(sftpRefusal(what, error, failed));
        else resolve(value);
      };
      try {
        send(done);
      } catch (error) {
        done(error as Error, undefined as never);
      }
    });
  return { ask, isGone: () => gone };
}
