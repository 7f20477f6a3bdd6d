import { type DescribedSelection, describeSelection } from './describe-selection.ts';
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
    /** Of an archive that is not loaded as it is. */
    readonly selections?: ReadonlyMap<object, DescribedSelection>;
    readonly drops: readonly string[];
    readonly refused: readonly string[];
    readonly readBytes: number;
    readonly plainBytes: number;
  };
  readonly compared: readonly string[];
  readonly seed?: {
    readonly plan: {
      readonly primary: { readonly address: string; readonly port: number };
      readonly start:
        | { readonly kind: 'gtid'; readonly gtid: string }
        | { readonly kind: 'position'; readonly file: string; readonly position: number };
      readonly takenFrom: 'primary' | 'replica';
    };
    readonly done: {
      readonly kind: 'caught-up' | 'quiet' | 'behind';
      readonly lagSeconds: number | null;
    } | null;
  } | null;
}

/** A restore for a person: the plan as a table, and what came of it. */
export function formatRestore({ plan, compared, seed }: Restored, dryRun: boolean): string {
  const rows = plan.archives.map((archive) => {
    const { database, tables, plainBytes } = archive;
    const selected = plan.selections?.get(archive);
    const name = selected?.as ?? database;
    return [
      database ?? '(accounts)',
      `${whatIsDone(name, plan)}${selected ? describeSelection(selected) : ''}`,
      String(selected?.tables?.length ?? tables),
      formatBytes(plainBytes),
      name !== null && compared.includes(name) ? 'the same' : '-',
    ];
  });
  const head = ['database', dryRun ? 'would' : 'done', 'tables', 'SQL', 'compared'];
  const from = `${plan.run} of ${plan.where}: ${formatBytes(plan.readBytes)} verified, then read`;
  return `${formatTable(head, rows)}\n\n${dryRun ? 'would restore' : 'restored'} ${from}${seed ? `\n${formatSeed(seed)}` : ''}`;
}

function formatSeed({ plan, done }: NonNullable<Restored['seed']>): string {
  const { primary, start, takenFrom } = plan;
  const where = `${primary.address}:${primary.port}`;
  const from = start.kind === 'gtid' ? `the GTID ${start.gtid}` : `${start.file}:${start.position}`;
  const run = `the run was taken from ${takenFrom === 'primary' ? 'that server' : 'a replica of it'}`;
  if (!done) return `would then follow ${where} from ${from} on: ${run}`;
  return `follows ${where} from ${from} on, and ${howFar(done)}: ${run}`;
}

function howFar({ kind, lagSeconds }: NonNullable<NonNullable<Restored['seed']>['done']>): string {
  switch (kind) {
    case 'caught-up':
      return 'has caught up with it';
    case 'quiet':
      return 'has applied all that has come from it so far';
    case 'behind': {
      const lag = lagSeconds === null ? 'nobody knows how far' : `${lagSeconds} s by its own account`;
      return `is still catching up (behind: ${lag}; look again with SHOW SLAVE STATUS)`;
    }
  }
}

function whatIsDone(database: string | null, { drops, refused }: Restored['plan']): string {
  if (database === null) return 'load, also into accounts that are there';
  if (refused.includes(database)) return 'REFUSE: it is there; --overwrite names it';
  return drops.includes(database) ? 'DROP, then load' : 'load';
}
