import type { CoffreError } from '../lib/model/error.ts';
import type { FlowEvent } from '../lib/model/event.ts';
import type { LogConfig } from '../lib/model/log-config.ts';
import { eventLine, failureLine, type LogHead, type LogLine, resultLine } from '../lib/report/log-line.ts';
import { openSyslog, type Syslog } from '../lib/system/syslog.ts';
import { inOwnWords } from './own-words.ts';

/** A machine whose task it is. */
export interface LoggedMachine {
  readonly name: string;
  readonly log: LogConfig;
}

const USUAL: LogConfig = { syslog: true, socket: '/dev/log' };

/**
 * Tells the system log of a task that nobody watches: cron's mail reaches nobody where no mail server is. What comes before the
 * inventory is read waits until it is known whether anything is to be told.
 */
export class NightLog {
  readonly #task: string;
  #machine: LoggedMachine | undefined;
  #run: string | undefined;
  #waiting: LogLine[] = [];
  #syslog: Syslog | undefined;

  constructor(task: string) {
    this.#task = task;
  }

  logTo(machine: LoggedMachine): void {
    this.#machine = machine;
    this.#open(machine.log);
  }

  event(event: FlowEvent): void {
    if (event.kind === 'run-started') this.#run = event.run;
    const line = eventLine(this.#head, event);
    if (line) this.#write(line);
  }

  result(exitCode: number): void {
    this.#write(resultLine(this.#head, exitCode));
  }

  failure(error: CoffreError): void {
    this.#write(failureLine(this.#head, error));
    // On a host also an inventory that could not be read is a night without a backup.
    if (!this.#machine && process.env.COFFRE_COMMAND !== undefined) this.#open(USUAL);
  }

  async close(): Promise<void> {
    await this.#syslog?.close();
  }

  get #head(): LogHead {
    return { task: this.#task, machine: this.#machine?.name, run: this.#run };
  }

  #open({ syslog, socket }: LogConfig): void {
    if (syslog) this.#syslog = openSyslog(socket);
    for (const line of this.#waiting.splice(0)) this.#syslog?.write(line.level, line.text);
  }

  #write({ level, text }: LogLine): void {
    const line = { level, text: inOwnWords(text) };
    if (this.#syslog) this.#syslog.write(line.level, line.text);
    else if (!this.#machine) this.#waiting.push(line);
  }
}
