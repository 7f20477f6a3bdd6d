import type { HostCheck } from '../model/host-check.ts';
import { type CheckReport, failedOf, nameOf } from './check-result.ts';
import { onOneLine } from './table.ts';

/** Source: Monitoring Plugins Development Guidelines, Plugin Return Codes. */
const STATES = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;
export type NagiosState = 0 | 1 | 2 | 3;

export interface NagiosAnswer {
  readonly text: string;
  readonly exitCode: NagiosState;
}

/** A check as a monitoring plugin tells it: one line, what failed first, and the numbers behind a bar. */
export function nagiosAnswer({ hosts }: CheckReport): NagiosAnswer {
  const several = hosts.length > 1;
  const failed = hosts.flatMap((host) => failedOf(host).map((condition) => ({ host: host.host, condition })));
  const critical = failed.filter(({ condition }) => condition.severity === 'critical');
  const exitCode = critical.length > 0 ? 2 : failed.length > 0 ? 1 : 0;
  const [first, second, ...more] = [...critical, ...failed.filter((each) => !critical.includes(each))];
  const told = [first, second].flatMap((each) =>
    each ? [`${several ? `${each.host}: ` : ''}${nameOf(each.condition)} (${each.condition.detail})`] : [],
  );
  const rest = more.length === 0 ? [] : [`${more.length} more`];
  const who = several ? `${hosts.length} hosts` : (hosts[0]?.host ?? 'no host');
  const tried = hosts.flatMap(({ conditions }) => conditions.filter(({ outcome }) => outcome !== 'untried')).length;
  const message = exitCode === 0 ? `all of ${tried} conditions hold` : [...told, ...rest].join('; ');
  const numbers = hosts.flatMap((host) => performance(host, several)).join(' ');
  return { text: `${line(exitCode, `${who}: ${message}`)} | ${numbers}`, exitCode };
}

/** For what kept the check itself from being made. */
export function nagiosFailure(exitCode: NagiosState, message: string): string {
  return line(exitCode, message);
}

/** A bar ends the text, and a line break the answer. */
function line(state: NagiosState, message: string): string {
  return `${STATES[state]} - ${onOneLine(message).replaceAll('|', '/')}`;
}

/** Each as 'label'=value[unit]. Source: the same, Performance data. */
function performance(host: HostCheck, several: boolean): readonly string[] {
  const figures = host.conditions.flatMap((condition) => condition.figures);
  const prefix = several ? `${host.host}_` : '';
  const failed = { name: 'failed', value: failedOf(host).length, unit: '' };
  return [failed, ...figures].map(({ name, value, unit }) => `'${prefix}${name}'=${value}${unit}`);
}
