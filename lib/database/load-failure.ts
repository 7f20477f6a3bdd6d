import { CoffreError } from '../model/error.ts';
import type { Ended } from '../system/command.ts';
import { clientFailure } from './client-failure.ts';
import type { Connection } from './connection.ts';

/** As `clientFailure`, of a client that loads: what is wrong with a dump there is here wrong with a restore. */
export function loadFailure(what: string, connection: Connection, ended: Omit<Ended, 'stdout'>): CoffreError {
  const failure = clientFailure(what, connection, ended);
  if (failure.code !== 'dump-failed') return failure;
  const { message, hint } = failure;
  return new CoffreError('restore-failed', message, hint === undefined ? {} : { hint });
}
