import { ERRORS } from '../model/error.ts';
import type { Condition, HostCheck } from '../model/host-check.ts';
import { formatCondition } from './far-end.ts';
import { onOneLine } from './table.ts';

/** Where something failed of which no error would come. */
const AMISS = 2;

/** What `check --json` tells. */
export interface CheckReport {
  readonly exitCode: number;
  readonly hosts: readonly HostCheck[];
}

/** The exit code: the highest of what has failed, by the table of errors. */
export function checkReport(hosts: readonly HostCheck[]): CheckReport {
  const exits = hosts.flatMap(failedOf).map(({ code }) => (code === null ? AMISS : ERRORS[code].exit));
  return { exitCode: Math.max(0, ...exits), hosts };
}

/** Conditions of a host that do not hold, the critical ones first. */
export function failedOf({ conditions }: HostCheck): readonly Condition[] {
  const failed = conditions.filter(({ outcome }) => outcome === 'failed');
  return [...failed.filter(isCritical), ...failed.filter((condition) => !isCritical(condition))];
}

const isCritical = ({ severity }: Condition) => severity === 'critical';

/** Whatever it is of stands in front of the condition. */
export function nameOf({ of, says }: Condition): string {
  return of === null ? says : `${onOneLine(of)}: ${says}`;
}

/** One line a condition, its hint below it when it failed, and one sentence a host at the end of its lines. */
export function formatCheck({ hosts }: CheckReport): string {
  return hosts
    .map((host) => {
      const { conditions } = host;
      const failed = failedOf(host);
      const untried = conditions.filter(({ outcome }) => outcome === 'untried').length;
      const rest = untried === 0 ? '' : `, ${untried} not tried`;
      const verdict =
        failed.length === 0
          ? `all of ${conditions.length - untried} conditions hold${rest}`
          : `${failed.length} of ${conditions.length} conditions FAILED${rest}`;
      const lines = conditions.flatMap((condition) => formatCondition({ ...condition, says: nameOf(condition) }));
      return [...lines, `${onOneLine(host.host)}: ${verdict}`].join('\n');
    })
    .join('\n\n');
}
