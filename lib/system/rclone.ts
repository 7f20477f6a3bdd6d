import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { type Running, run, start, terminate } from './command.ts';
import { learnSecret } from './known-secrets.ts';
import { feed } from './pipes.ts';
import { requireProgram } from './programs.ts';
import { parseRcloneConfig, type RcloneConfig } from './rclone-config.ts';
import { rcloneFailure } from './rclone-failure.ts';
import { readPrivately } from './secrets.ts';

export interface RcloneOptions {
  /** Path of its configuration file, which only its owner may read. */
  readonly config: string;
  /** Of the configuration file, where it is encrypted. */
  readonly passphrase?: string | undefined;
  /** A connection on which nothing moves for so long is given up by rclone itself. */
  readonly silenceMs: number;
  readonly signal?: AbortSignal | undefined;
}

const CONNECT_MS = 60_000;
/** What rclone holds in its own memory goes on while it takes nothing: only after so many silences it is given up from here. */
const SILENCES = 10;

/**
 * The door to the program rclone. Each question is a process of its own. Its credentials stay in its configuration file: no argument has one, and
 * its environment only the passphrase of that file. Throws `program-missing`, `not-found` or `refused` for the file, and
 * what `rcloneFailure` says. Whoever opens MUST close, which ends what runs.
 */
export class Rclone {
  /** The remotes of the configuration file. */
  readonly config: RcloneConfig;
  readonly #program: string;
  readonly #options: RcloneOptions;
  readonly #closed = new AbortController();
  readonly #stop: AbortSignal;

  private constructor(program: string, options: RcloneOptions, config: RcloneConfig) {
    this.#program = program;
    this.#options = options;
    this.config = config;
    this.#stop = options.signal ? AbortSignal.any([options.signal, this.#closed.signal]) : this.#closed.signal;
  }

  static async open(options: RcloneOptions): Promise<Rclone> {
    const program = requireProgram('rclone');
    const path = options.config;
    if ((await readPrivately(path)) === undefined) {
      throw new CoffreError('not-found', `cannot read the configuration of rclone, ${path}: there is no such file`, {
        hint: `make it with: rclone --config ${path} config; then: chmod 600 ${path}`,
      });
    }
    if (options.passphrase !== undefined) learnSecret(options.passphrase);
    const bare = new Rclone(program, options, {});
    const dump = await bare.ask(`read the remotes in ${path}`, ['config', 'dump']);
    return new Rclone(program, options, parseRcloneConfig(dump));
  }

  /** Fires when it is closed, or whoever opened it is to stop. */
  get signal(): AbortSignal {
    return this.#stop;
  }

  close(): void {
    this.#closed.abort(new CoffreError('interrupted', 'cannot go on: rclone was ended'));
  }

  /** Runs a small command to its end and returns what it writes. `what`: as in "cannot …". */
  async ask(what: string, words: readonly string[], timeoutMs?: number): Promise<string> {
    this.#stop.throwIfAborted();
    const ended = await run(this.#program, this.#words(words), {
      env: this.#environment(),
      signal: this.#stop,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    this.#stop.throwIfAborted();
    if (ended.exitCode === 0) return ended.stdout;
    throw this.#failure(what, ended);
  }

  /** Hands all of `source` to a command such as `rcat`. When `source` fails, the command is ended before it can take what it has for all. */
  async send(what: string, words: readonly string[], source: Bytes): Promise<void> {
    const running = this.#start(words);
    running.stdout.resume();
    const patience = new Patience(this.#options.silenceMs * SILENCES, running);
    try {
      await feed(running.stdin, patience.watch(source));
      patience.begin();
      const ended = await running.ended;
      this.#stop.throwIfAborted();
      if (patience.isOver) throw this.#failure(what, { exitCode: null, stderr: 'nothing has moved for too long' });
      if (ended.exitCode !== 0) throw this.#failure(what, ended);
    } finally {
      patience.end();
      await this.#end(running);
    }
  }

  /** What a command such as `cat` writes, in chunks. */
  async *read(what: string, words: readonly string[]): Bytes {
    const running = this.#start(words);
    running.stdin.end();
    try {
      for await (const chunk of running.stdout) yield chunk as Buffer;
      const ended = await running.ended;
      this.#stop.throwIfAborted();
      if (ended.exitCode !== 0) throw this.#failure(what, ended);
    } finally {
      running.stdout.destroy();
      await this.#end(running);
    }
  }

  #start(words: readonly string[]): Running {
    this.#stop.throwIfAborted();
    const running = start(this.#program, this.#words(words), { env: this.#environment() });
    const stop = () => terminate(running.child);
    this.#stop.addEventListener('abort', stop, { once: true });
    void running.ended.then(() => this.#stop.removeEventListener('abort', stop));
    return running;
  }

  /** It may have to take back over there what it has begun. */
  async #end(running: Running): Promise<void> {
    terminate(running.child);
    await running.ended;
  }

  #words(words: readonly string[]): string[] {
    const { config, silenceMs } = this.#options;
    return [
      ...['--config', config, '--ask-password=false', '--log-level', 'NOTICE'],
      ...['--retries', '1', '--low-level-retries', '3'],
      ...['--timeout', `${silenceMs}ms`, '--contimeout', `${Math.min(CONNECT_MS, silenceMs)}ms`],
      ...words,
    ];
  }

  #environment(): Record<string, string> {
    const { passphrase } = this.#options;
    return passphrase === undefined ? {} : { RCLONE_CONFIG_PASS: passphrase };
  }

  #failure(what: string, ended: Parameters<typeof rcloneFailure>[1]): CoffreError {
    return rcloneFailure({ what, config: this.#options.config }, ended);
  }
}

/** Ends a program that takes nothing for too long; it waits as long as it likes for what is to be given to it. */
class Patience {
  isOver = false;
  readonly #ms: number;
  readonly #running: Running;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, running: Running) {
    this.#ms = ms;
    this.#running = running;
  }

  begin(): void {
    this.end();
    this.#timer = setTimeout(() => {
      this.isOver = true;
      terminate(this.#running.child);
    }, this.#ms);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  async *watch(source: Bytes): Bytes {
    for await (const chunk of source) {
      this.begin();
      yield chunk;
      this.end();
    }
  }
}
