import { type DumpPlan, rowDumpers } from './plan-dumps.ts';

/** A plan in one line. */
export function describePlan(plan: DumpPlan): string {
  const databases = plan.groups.flatMap((group) => group.databases).length;
  const laned = plan.groups.flatMap(({ databases: [database], split, batches }) => [
    ...split.map(({ table, parts }) => `${database}.${table} in ${parts} lanes`),
    ...describeBatches(`${database}`, batches),
  ]);
  const groups = `${databases} databases in ${plan.groups.length} ${plan.groups.length === 1 ? 'dump' : 'dumps'}`;
  return `${[groups, ...laned].join(', ')}, and the accounts: ${rowDumpers(plan) + 1} connections at a time`;
}

function describeBatches(database: string, batches: readonly (readonly string[])[]): string[] {
  const [first, ...others] = batches.flat();
  if (first === undefined) return [];
  if (others.length === 0) return [`${database}.${first} in a lane of its own`];
  return [
    `${others.length + 1} tables of ${database} in ${batches.length === 1 ? 'one lane' : `${batches.length} lanes`}`,
  ];
}
