import type { Converged } from '../model/converge-order.ts';
import type { CoffreError } from '../model/error.ts';
import type { FarEnd } from '../model/far-end.ts';
import type { HostOutcome } from '../model/host-outcome.ts';
import type { HostName } from '../model/names.ts';
import type { HostPlan, Remark } from '../model/plan.ts';
import { formatContractorSide, formatFarEnd } from './far-end.ts';
import { count } from './plan.ts';
import { exitCodeOf, type Hindrance, hindrancesOf, type Manner } from './provision-exit.ts';
import { formatTable, onOneLine } from './table.ts';

/** What became of one host, as `--json` tells it. */
export type HostReport =
  | {
      readonly host: HostName;
      readonly ok: true;
      readonly plan: HostPlan;
      /** How many changes were carried out. */
      readonly applied: number;
      readonly signer: 'added' | 'present' | 'none';
      readonly identities: Converged['identities'];
      readonly proofs: readonly string[];
      readonly remarks: readonly Remark[];
      /** What keeps its backups from being whole, with a code of the table of errors. */
      readonly hindrances: readonly Hindrance[];
      readonly farEnds: readonly FarEnd[];
    }
  | {
      readonly host: HostName;
      readonly ok: false;
      readonly error: {
        readonly code: CoffreError['code'];
        readonly message: string;
        readonly hint: string | null;
        readonly findings: readonly string[];
      };
    };

export interface ProvisionReport {
  readonly hosts: readonly HostReport[];
  readonly exitCode: number;
}

/** The report of a run over hosts. Its exit code is the highest of the hosts'. */
export function provisionData(outcomes: readonly HostOutcome[], manner: Manner): ProvisionReport {
  const codes = outcomes.map((outcome) => exitCodeOf(outcome, manner));
  const hosts = outcomes.map((outcome): HostReport => {
    if (!outcome.ok) {
      const { code, message, hint = null, findings } = outcome.error;
      return { host: outcome.host, ok: false, error: { code, message, hint, findings } };
    }
    const { plan, applied: done, identities, proofs, remarks } = outcome.converged;
    const { farChanges, farRemarks, farEnds } = outcome;
    return {
      host: outcome.host,
      ok: true,
      plan: { ...plan, changes: [...plan.changes, ...farChanges], remarks: [...plan.remarks, ...farRemarks] },
      applied: manner.applied ? done.length + farChanges.length : 0,
      signer: outcome.signer,
      identities,
      proofs,
      remarks: [...remarks, ...farRemarks],
      hindrances: hindrancesOf(outcome, manner),
      farEnds,
    };
  });
  return { hosts, exitCode: Math.max(0, ...codes) };
}

/** One line a host, then what each needs of a person. */
export function formatProvision({ hosts }: ProvisionReport, inventoryFolder: string): string {
  const rows = hosts.map((host) =>
    host.ok ? [host.host, result(host), String(warnings(host))] : [host.host, `FAILED (${host.error.message})`, '-'],
  );
  const told = hosts.flatMap((host) => (host.ok ? aboutDone(host) : aboutFailed(host)));
  const added = hosts.filter((host) => host.ok && host.signer === 'added').map(({ host }) => host);
  const commit =
    added.length === 0
      ? []
      : [`commit ${inventoryFolder}/signers/allowed_signers: it names the signing key of ${added.join(', ')} now`];
  return [formatTable(['host', 'result', 'warnings'], rows), ...told, ...commit].join('\n');
}

function warnings({ remarks, farEnds }: HostReport & { readonly ok: true }): number {
  const failed = farEnds.flatMap(({ conditions }) => conditions ?? []).filter(({ outcome }) => outcome === 'failed');
  return remarks.length + failed.length;
}

function result(host: HostReport & { readonly ok: true }): string {
  const { changes } = host.plan;
  const done = host.applied === 0 ? `${count(changes.length)} to make` : `${count(host.applied)} made`;
  const hindered = host.hindrances.map(({ text }) => text).join('; ');
  return `${changes.length === 0 ? 'nothing to change' : done}${hindered === '' ? '' : `, but ${hindered}`}`;
}

function aboutDone({ host, plan, identities, remarks, proofs, farEnds }: HostReport & { readonly ok: true }): string[] {
  return [
    ...farEnds.flatMap((farEnd) => aboutFarEnd(host, farEnd)),
    ...newKeys(plan, identities, farEnds).map(({ path, publicKey }) =>
      onOneLine(`${host}: its new key ${path} has to be let in by whoever it is for: ${publicKey}`),
    ),
    ...proofs.map((proof) => `${host}: ${onOneLine(proof)}`),
    ...remarks.flatMap(({ text, hint }) => [`${host}: warning: ${onOneLine(text)}`, `hint: ${onOneLine(hint)}`]),
  ];
}

/** Keys that were made just now and that no instructions for an offsite speak of, such as that of the audit repository. */
function newKeys(
  { changes }: HostPlan,
  identities: Converged['identities'],
  farEnds: readonly FarEnd[],
): Converged['identities'] {
  const made = new Set(
    changes.filter(({ kind, action }) => kind === 'key' && action === 'create').map(({ name }) => name),
  );
  const told = farEnds.flatMap((farEnd) => (isKeptOut(farEnd) && farEnd.side ? [farEnd.identity] : []));
  return identities.filter(({ path }) => made.has(path) && !told.includes(path));
}

/** What the host sees of an offsite that is not as it should be, and what its keeper has to do about a login. */
function aboutFarEnd(host: HostName, farEnd: FarEnd): string[] {
  const { offsite, path, side, why, conditions } = farEnd;
  if (conditions === null) return [];
  const unsaid = why === null ? [] : [`${host}: offsite ${offsite}: ${onOneLine(why)}`];
  const failed = conditions.filter(({ outcome }) => outcome === 'failed');
  const lines = formatFarEnd(`${host}: offsite ${offsite}`, conditions).split('\n');
  if (failed.length === 0) return [...unsaid, ...lines.slice(-1)];
  const bad = [...formatFarEnd('', failed).split('\n').slice(0, -1), ...lines.slice(-1)];
  return [...unsaid, ...bad, ...(isKeptOut(farEnd) && side ? ['', formatContractorSide(side, path)] : [])];
}

/** Whether the offsite does not accept the key of the host. */
function isKeptOut({ conditions }: FarEnd): boolean {
  return conditions?.some(({ check, outcome }) => check === 'login' && outcome === 'failed') ?? false;
}

function aboutFailed({ host, error }: HostReport & { readonly ok: false }): string[] {
  const lines = [...error.findings.map((finding) => `  ${finding}`), `error: ${error.message}`];
  if (error.hint !== null) lines.push(`hint: ${error.hint}`);
  return lines.map((line) => `${host}: ${onOneLine(line)}`);
}
