import { availableParallelism } from 'node:os';
import type { DatabaseName } from '../model/names.ts';
import { loadOrder } from './assemble-dumps.ts';
import { connectionBudget } from './connection-budget.ts';
import { type DatabaseFacts, type ServerFacts, sessionsOf } from './inspect-server.ts';
import { type DumpPlan, planDumps } from './plan-dumps.ts';

/** What may be asked of the plan. */
export interface PlanWishes {
  /**
   * Dump programs at a time at most. If absent, one more than there are cores, since each often waits for the server, and
   * up to twice as many where the data does not come out even.
   */
  readonly parallel?: number | undefined;
  /** Whether large tables may be dumped in lanes. */
  readonly lanes?: boolean;
  readonly nonTransactional?: 'list' | 'lock';
}

/** What is dumped by how many programs, as it looks before commits are held back. */
export function firstPlan(server: ServerFacts, wishes: PlanWishes): DumpPlan {
  const { nonTransactional, lanes = true, parallel } = wishes;
  const whole = (each: DatabaseFacts) => (lanes ? each : { ...each, tables: [] });
  const facts = new Map(server.databases.map((each) => [each.name, whole(each)]));
  const counts = new Map(server.databases.map((each) => [each.name, each.counts]));
  const inOrder = loadOrder(counts, server).flatMap((name) => facts.get(name) ?? []);
  return planDumps(inOrder, {
    parallel: parallel ?? availableParallelism() + 1,
    most: parallel,
    limit: connectionBudget(server.connections, sessionsOf(nonTransactional)),
  });
}

/** The databases that share their program with others. */
export function inCompany({ groups }: DumpPlan): readonly DatabaseName[] {
  return groups.flatMap(({ databases }) => (databases.length > 1 ? databases : []));
}
