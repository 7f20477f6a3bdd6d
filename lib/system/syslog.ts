import { statSync } from 'node:fs';
import { start } from './command.ts';
import { publicText } from './known-secrets.ts';
import { findProgram } from './programs.ts';

/** RFC 5424, Numerical Codes. */
const LEVELS = { err: 3, warning: 4, notice: 5, info: 6 } as const;
export type SyslogLevel = keyof typeof LEVELS;
const DAEMON = 3;
/** Logger cuts at 1 KiB otherwise. */
const SIZE = '8KiB';
const CLOSE_MS = 5000;

/** The log of the system, under the tag `coffre`. No secret that this process knows gets into it. */
export interface Syslog {
  /** `text` is one line. Never throws. */
  write(level: SyslogLevel, text: string): void;
  /** Waits, for a few seconds at most, until everything is handed over. */
  close(): Promise<void>;
}

/** Opens the log that listens at `socket`; undefined where nobody does, or where there is no logger(1). */
export function openSyslog(socket: string): Syslog | undefined {
  const logger = findProgram('logger');
  const listens = statSync(socket, { throwIfNoEntry: false })?.isSocket() ?? false;
  if (logger === undefined || !listens) return undefined;
  const words = ['--tag', 'coffre', `--id=${process.pid}`, '--prio-prefix', '--size', SIZE, '--skip-empty'];
  const running = start(logger, [...words, '--socket-errors=off', '--socket', socket]);
  running.stdin.on('error', () => undefined); // a log that has gone keeps nobody from his work
  running.stdout.resume();
  return {
    write: (level, text) => void running.stdin.write(`<${DAEMON * 8 + LEVELS[level]}>${publicText(text)}\n`),
    async close() {
      running.stdin.end();
      let late: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((settle) => {
        late = setTimeout(() => {
          running.child.kill('SIGKILL');
          settle();
        }, CLOSE_MS);
      });
      await Promise.race([running.ended, patience]);
      clearTimeout(late);
    },
  };
}
