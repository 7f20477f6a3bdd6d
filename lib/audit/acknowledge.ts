import { ACKNOWLEDGEABLE, type Acknowledgement } from '../model/acknowledgement.ts';
import { type AuditFinding, show } from './finding.ts';

export interface AcknowledgedFinding {
  readonly finding: AuditFinding;
  readonly by: string;
  readonly on: string;
  readonly why: string;
}

/**
 * Parts the findings that somebody has acknowledged from all others: by rule, path and message, word by word. An
 * acknowledgement of what is not found becomes a warning, so that none waits for something that is still to come.
 */
export function acknowledge(
  findings: readonly AuditFinding[],
  acknowledgements: readonly Acknowledgement[],
): { readonly findings: readonly AuditFinding[]; readonly acknowledged: readonly AcknowledgedFinding[] } {
  const known = new Map(acknowledgements.map((each) => [keyOf(each.rule, each.path, each.message), each]));
  const acknowledged: AcknowledgedFinding[] = [];
  const left = findings.filter((finding) => {
    const path = finding.path === null ? undefined : show(finding.path);
    const found = known.get(keyOf(finding.rule, path, finding.message));
    if (!found || !ACKNOWLEDGEABLE.some((rule) => rule === finding.rule)) return true;
    acknowledged.push({ finding, by: found.by, on: found.on, why: found.why });
    return false;
  });
  const used = new Set(
    acknowledged.map(({ finding: { rule, path, message } }) =>
      keyOf(rule, path === null ? undefined : show(path), message),
    ),
  );
  const idle = [...known].filter(([key]) => !used.has(key)).map(([, each]) => each);
  return { findings: [...left, ...idle.map(unmatched)], acknowledged };
}

function keyOf(rule: string, path: string | undefined, message: string): string {
  return JSON.stringify([rule, path ?? null, message]);
}

function unmatched({ rule, path, message }: Acknowledgement): AuditFinding {
  return {
    rule: 'acknowledged',
    severity: 'warning',
    host: null,
    path: null,
    message: `nothing is found of what acknowledged.yaml has of ${path ?? 'the repository'}: ${message} (${rule})`,
    hint: 'take it out of acknowledged.yaml of the inventory, or write it word by word as validate tells it',
  };
}
