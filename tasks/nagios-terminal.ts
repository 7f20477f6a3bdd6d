import type { CoffreError } from '../lib/model/error.ts';
import { nagiosFailure } from '../lib/report/nagios.ts';
import { toStdout } from './outlet.ts';
import type { Terminal } from './terminal.ts';

/** What says nothing of the backups, but of the check itself. */
const UNKNOWN: readonly CoffreError['code'][] = ['usage', 'unexpected', 'interrupted'];
/** On a host its backups need the same things; at control they are those of whoever asks. */
const UNKNOWN_AT_CONTROL: readonly CoffreError['code'][] = [...UNKNOWN, 'inventory', 'not-found'];

/** For a monitoring system: one line on standard output, whatever happens, and its exit codes. */
export function nagiosTerminal(): Terminal {
  return {
    event: () => undefined,
    result: ({ text }) => toStdout(`${text}\n`),
    failure: ({ code, message, hint }) => {
      const unknown = process.env.COFFRE_COMMAND === undefined ? UNKNOWN_AT_CONTROL : UNKNOWN;
      const state = unknown.includes(code) ? 3 : 2;
      toStdout(`${nagiosFailure(state, `${message}${hint === undefined ? '' : ` (${hint})`}`)}\n`);
      return state;
    },
    notice: () => undefined,
  };
}
