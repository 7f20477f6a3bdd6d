import { type DumpPlan, rowDumpers } from './plan-dumps.ts';

/** A plan in one line. */
export function describePlan(plan: DumpPlan): string {
  const databases = plan.groups.flatMap((group) => group.databases).length;
  const laned = plan.groups.flatMap(({ databases: [database], split, batches }) => [
    ...split.map(({ table, parts }) => `${database}.${table} in ${parts} lanes`),
    ...describeBatches(`${database}`, batches),
  ]);
  const groups = `${counted(databases, 'database')} in ${counted(plan.groups.length, 'dump')}`;
  return `${[groups, ...laned].join(', ')}, and the accounts: ${rowDumpers(plan) + 1} connections at a time`;
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function describeBatches(database: string, batches: readonly (readonly string[])[]): string[] {
  const [first, ...others] = batches.flat();
  if (first === undefined) return [];
  if (others.length === 0) return [`${database}.${first} in a lane of its own`];
  return [
    `${others.length + 1} tables of ${database} in ${batches.length === 1 ? 'one lane' : `${batches.length} lanes`}`,
  ];
}
