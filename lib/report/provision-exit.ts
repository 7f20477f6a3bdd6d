import { ERRORS, type ErrorCode } from '../model/error.ts';
import type { FarEndCondition } from '../model/far-end.ts';
import type { HostOutcome } from '../model/host-outcome.ts';

/** Why a host cannot take whole backups, though provisioning did its part, or would. */
export interface Hindrance {
  readonly code: ErrorCode;
  readonly text: string;
}

/** How the outcomes came about: a dry run is neither. */
export interface Manner {
  readonly check: boolean;
  readonly applied: boolean;
}

type Done = HostOutcome & { readonly ok: true };

/** Without these no copy arrives. What else an offsite should not let through is a warning: copies arrive all the same. */
export const NEEDED: Readonly<Record<string, ErrorCode>> = {
  reach: 'offsite-unreachable',
  'host-key': 'host-key',
  login: 'offsite-unreachable',
  write: 'offsite-unreachable',
};

const DRIFT = 2;
const UNREACHABLE = ERRORS['offsite-unreachable'].exit;

/**
 * The exit code for one host. Applied: that of what keeps its backups from being whole. For a check, what cannot be reached
 * keeps its own, because nobody knows how it is; anything else that is amiss is drift. A dry run only shows.
 */
export function exitCodeOf(outcome: HostOutcome, manner: Manner): number {
  if (!outcome.ok) return outcome.error.exitCode;
  if (!manner.applied && !manner.check) return 0;
  const codes = hindrancesOf(outcome, manner).map(({ code }) => ERRORS[code].exit);
  if (manner.applied) return Math.max(0, ...codes);
  if (codes.includes(UNREACHABLE)) return UNREACHABLE;
  return codes.length > 0 || isDrifted(outcome) ? DRIFT : 0;
}

/** What keeps the backups of this host from being whole: its store, and the offsites that it cannot use. */
export function hindrancesOf(outcome: Done, { applied }: Manner): readonly Hindrance[] {
  const own = outcome.converged.remarks.flatMap(({ code, text }) => (code === undefined ? [] : [{ code, text }]));
  const far = outcome.farEnds.flatMap(({ offsite, identity, conditions }) => {
    const failed = conditions?.find(({ check, outcome }) => outcome === 'failed' && NEEDED[check] !== undefined);
    const code = failed && NEEDED[failed.check];
    if (!code || isToCome(outcome, { offsite, identity, failed, applied })) return [];
    return [{ code, text: `offsite ${offsite}: ${failed.detail}` }];
  });
  return [...own, ...far];
}

interface Refusal {
  readonly offsite: string;
  readonly identity: string;
  readonly failed: FarEndCondition;
  readonly applied: boolean;
}

/** Nobody can have let in a key that was made just now, or is still to be made; nor one that this plan would let in. */
function isToCome({ converged, farChanges }: Done, { offsite, identity, failed, applied }: Refusal): boolean {
  if (failed.check !== 'login') return false;
  const isNew = converged.plan.changes.some(
    ({ kind, action, name }) => kind === 'key' && action === 'create' && name === identity,
  );
  return isNew || (!applied && farChanges.some(({ name }) => name.startsWith(`${offsite}: `)));
}

/** Also what a plan cannot mend, such as a clock that is wrong. */
function isDrifted({ converged, farChanges, farRemarks }: Done): boolean {
  const { changes, remarks } = converged.plan;
  const amiss = [...remarks, ...farRemarks].filter(({ advice }) => !advice);
  return changes.length + farChanges.length + amiss.length > 0;
}
