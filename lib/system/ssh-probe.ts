import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { sleep } from './clock.ts';
import { type SftpProbe, sftpProbe } from './sftp-probe.ts';

/**
 * What a server lets a login do. Every question leaves nothing behind: what is granted is given back at once. A refusal
 * is an answer; each call throws the connection's own error when the connection breaks. None has a time limit of its
 * own but those that listen to a stream.
 */
export interface SshProbe {
  /** Whether `line` as a command prints `word`. */
  commandPrints(line: string, word: string): Promise<boolean>;
  /** Whether a login shell that is told `line` prints `word`. */
  shellPrints(line: string, word: string): Promise<boolean>;
  /** Whether a session gets a terminal. */
  terminal(): Promise<boolean>;
  /** What a subsystem first answers to `request`; undefined when the server has none of that name for this login. */
  subsystem(name: string, request: Buffer): Promise<Buffer | undefined>;
  /** Whether the server would connect to a port on behalf of this login, also when nothing listens there. */
  forwardsTo(address: string, port: number): Promise<boolean>;
  /** Whether the server would connect to this Unix socket. When nothing listens on it, a refusal cannot be told apart. */
  forwardsToSocket(path: string): Promise<boolean>;
  /** Whether the server would listen, on a port of its own 127.0.0.1, on behalf of this login. */
  forwardsBack(): Promise<boolean>;
  /** Whether it would listen on a Unix socket. OpenSSH leaves the file of the socket behind: remove it. */
  forwardsBackSocket(path: string): Promise<boolean>;
  sftp(): Promise<SftpProbe>;
}

const LISTEN_MS = 3000;
const CLOSE_MS = 1000;
const SAID_LIMIT = 4096;
/** For a session that has ended, and that the server has not yet stopped counting. */
const SESSION_PATIENCE_MS = 250;
const SESSION_LOOK_MS = 25;
/** RFC 4254, 5.1: SSH_OPEN_CONNECT_FAILED. The server was willing to connect, and nobody answered. */
const CONNECT_FAILED = 2;

type Refusal = Error & { readonly reason?: number };
type Answer<T> = (error: Refusal | null | undefined, value?: T) => void;

export function probeOver(client: Client, failed: (error: unknown) => Error): SshProbe {
  let gone = false;
  client.once('close', () => {
    gone = true;
  });

  /** `granted` of what the server gave, or `refused` of why it did not. */
  function ask<T, R>(send: (done: Answer<T>) => void, granted: (value: T) => R, refused: (why: Refusal) => R) {
    return new Promise<R>((resolve, reject) => {
      const giveUp = () => reject(failed(new Error('the connection broke')));
      const settle = (act: () => void) => {
        client.removeListener('close', giveUp);
        // ssh2 fails what is under way just before it says that the connection is gone.
        setImmediate(() => (gone ? giveUp() : act()));
      };
      if (gone) return giveUp();
      client.once('close', giveUp);
      try {
        send((error, value) => settle(() => resolve(error ? refused(error) : granted(value as T))));
      } catch (error) {
        settle(() => reject(failed(error)));
      }
    });
  }

  const no = () => false;
  let patienceMs = SESSION_PATIENCE_MS;
  /**
   * A session with what `send` asks for in it; undefined when that is refused. A server that opens no session at all (only
   * that refusal has a reason) may still count those that we have just closed: MaxSessions of sshd_config(5).
   */
  const channel = async (send: (done: Answer<ClientChannel>) => void): Promise<ClientChannel | undefined> => {
    for (;;) {
      const given = await ask<ClientChannel, ClientChannel | Refusal>(
        send,
        (each) => each,
        (why) => why,
      );
      if (!(given instanceof Error)) return given;
      if (given.reason === undefined || patienceMs <= 0) return undefined;
      patienceMs -= SESSION_LOOK_MS;
      await sleep(SESSION_LOOK_MS);
    }
  };
  const prints = async (word: string, input: string, send: (done: Answer<ClientChannel>) => void) => {
    const given = await channel(send);
    given?.end(input);
    return given !== undefined && (await listen(given, (said) => said.includes(word))).includes(word);
  };
  const opened = (given: ClientChannel) => {
    given.on('error', () => undefined).destroy();
    return true;
  };

  return {
    commandPrints: (line, word) => prints(word, '', (done) => client.exec(line, done)),
    shellPrints: (line, word) => prints(word, `${line}\nexit\n`, (done) => client.shell(false, done)),
    async terminal() {
      const given = await channel((done) => client.shell(done));
      if (given) await closed(given.on('error', () => undefined));
      return given !== undefined;
    },
    async subsystem(name, request) {
      const given = await channel((done) => client.subsys(name, done));
      given?.write(request); // not ended: OpenSSH's SFTP server would end without its answer
      return given && listen(given, ({ length }) => length > 0);
    },
    forwardsTo: (address, port) =>
      ask<ClientChannel, boolean>(
        (done) => client.forwardOut('127.0.0.1', 0, address, port, done),
        opened,
        ({ reason }) => reason === CONNECT_FAILED,
      ),
    forwardsToSocket: (path) =>
      ask<ClientChannel, boolean>((done) => client.openssh_forwardOutStreamLocal(path, done), opened, no),
    async forwardsBack() {
      const port = await ask<number, number | undefined>(
        (done) => client.forwardIn('127.0.0.1', 0, done),
        (given) => given,
        () => undefined,
      );
      if (port === undefined) return false;
      return ask<void, boolean>((done) => client.unforwardIn('127.0.0.1', port, done), yes, yes);
    },
    async forwardsBackSocket(path) {
      const given = await ask<void, boolean>((done) => client.openssh_forwardInStreamLocal(path, done), yes, no);
      if (!given) return false;
      return ask<void, boolean>((done) => client.openssh_unforwardInStreamLocal(path, done), yes, yes);
    },
    sftp: () =>
      ask<SFTPWrapper, SFTPWrapper | Refusal>(
        (done) => client.sftp(done),
        (raw) => raw,
        (why) => why,
      ).then((raw) => {
        if (raw instanceof Error) throw failed(raw);
        return sftpProbe(raw, ask);
      }),
  };
}

const yes = () => true;

/**
 * Closes a channel, and waits until the server has done so, too: it opens only so many at once, and one too many would look
 * like a refusal of what is asked for next.
 */
function closed(channel: ClientChannel): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, CLOSE_MS);
    channel.resume().once('close', () => {
      clearTimeout(late);
      resolve();
    });
    channel.destroy();
  });
}

/** What the server says until that is `enough`, the channel closes, or nothing more is to be expected. */
function listen(channel: ClientChannel, enough: (said: Buffer) => boolean): Promise<Buffer> {
  return new Promise((resolve) => {
    let said = Buffer.alloc(0);
    let isClosed = false;
    const settle = () => {
      clearTimeout(late);
      resolve(isClosed ? said : closed(channel).then(() => said));
    };
    const late = setTimeout(settle, LISTEN_MS);
    channel
      .on('data', (chunk: Buffer) => {
        said = Buffer.concat([said, chunk]);
        if (said.length > SAID_LIMIT || enough(said)) settle();
      })
      .on('error', () => undefined)
      .once('close', () => {
        isClosed = true;
        settle();
      });
    channel.stderr.resume();
  });
}
