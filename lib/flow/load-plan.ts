import type { MadeNames } from '../archive/made-names.ts';
import type { Connection } from '../database/connection.ts';
import type { Archive } from '../model/archive-record.ts';
import type { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { Selection } from '../model/selection.ts';
import type { Replacement } from './plan-replacements.ts';
import type { RestorePlan } from './plan-restore.ts';

export interface LoadFailure {
  readonly archive: Archive;
  readonly error: CoffreError;
}

export interface LoadOrder {
  readonly target: Connection;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Connections that load at a time; one for each core if absent. */
  readonly parallel?: number | undefined;
  /** Tables with as much SQL of rows get their secondary keys when the rows are in; 8 MiB if absent. */
  readonly lateKeysBytes?: number | undefined;
  /** Gets the names of all that is made, by the database in the server; nobody else wants them if absent. */
  readonly made?: Map<string, MadeNames> | undefined;
}

export type LoadPlan = Pick<RestorePlan, 'archives' | 'form'> & {
  /** What of an archive is loaded; all of it if absent. */
  readonly selections?: ReadonlyMap<Archive, Selection>;
  /** Databases that are there, and get tables: these alone are taken back. */
  readonly joined?: readonly string[];
  /** Accounts that keep how they log in; none if absent. */
  readonly keptLogins?: readonly string[];
  /** Databases whose old ones come back where the new ones fail. */
  readonly aside?: readonly Replacement[];
};
