import { formatBytes } from './format.ts';
import { formatTable } from './table.ts';

interface Restored {
  readonly plan: {
    readonly where: string;
    readonly run: string;
    readonly archives: readonly {
      readonly database: string | null;
      readonly tables: number;
      readonly plainBytes: number;
    }[];
    readonly drops: readonly string[];
    readonly refused: readonly string[];
    readonly readBytes: number;
    readonly plainBytes: number;
  };
  readonly compared: readonly string[];
}

/** A restore for a person: the plan as a table, and what came of it. */
export function formatRestore({ plan, compared }: Restored, dryRun: boolean): string {
  const rows = plan.archives.map(({ database, tables, plainBytes }) => [
    database ?? '(accounts)',
    whatIsDone(database, plan),
    String(tables),
    formatBytes(plainBytes),
    database !== null && compared.includes(database) ? 'the same' : '-',
  ]);
  const head = ['database', dryRun ? 'would' : 'done', 'tables', 'SQL', 'compared'];
  const from = `${plan.run} of ${plan.where}: ${formatBytes(plan.readBytes)} verified, then read`;
  return `${formatTable(head, rows)}\n\n${dryRun ? 'would restore' : 'restored'} ${from}`;
}

function whatIsDone(database: string | null, { drops, refused }: Restored['plan']): string {
  if (database === null) return 'load, also into accounts that are there';
  if (refused.includes(database)) return 'REFUSE: it is there; --overwrite names it';
  return drops.includes(database) ? 'DROP, then load' : 'load';
}
