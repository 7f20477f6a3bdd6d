import { type DescribedSelection, describeSelection } from './describe-selection.ts';
import { formatBytes, formatDuration } from './format.ts';
import { formatTable, onOneLine } from './table.ts';

interface Restored {
  readonly plan: {
    readonly where: string;
    readonly into: string;
    readonly run: string;
    readonly archives: readonly {
      readonly database: string | null;
      readonly tables: number;
      readonly plainBytes: number;
    }[];
    readonly interrupted: readonly { readonly database: string; readonly name: string; readonly state: string }[];
    readonly leftTrusting: boolean;
    readonly unsettled: readonly { readonly database: string; readonly standing: string | null }[];
    readonly aside: readonly { readonly by: string; readonly name: string }[];
    /** Databases that are there, and get tables. */
    readonly joined: readonly string[];
    /** Of an archive that is not loaded as it is. */
    readonly selections?: ReadonlyMap<object, DescribedSelection>;
    readonly drops: readonly string[];
    readonly refused: readonly string[];
    readonly immovable: readonly { readonly database: string; readonly obstacles: readonly string[] }[];
    readonly readBytes: number;
    readonly plainBytes: number;
    readonly estimate: {
      readonly needsBytes: number;
      readonly freeBytes: number | null;
      readonly oldBytes: number;
      readonly seconds: number;
    };
    readonly remarks: readonly { readonly kind: string; readonly text: string; readonly hint: string }[];
  };
  readonly copies?: readonly { readonly place: string; readonly verdict: string }[];
  readonly compared: readonly string[];
  /** Sentences. */
  readonly keptLogins?: readonly string[];
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

/** A restore for a person: what was done with each database, from which copy, and what came of it. */
export function formatRestore(
  { plan, copies = [], compared, keptLogins = [], seed }: Restored,
  dryRun: boolean,
): string {
  if (dryRun) return [formatRestorePlan(plan, copies), ...(seed ? [formatSeed(seed)] : [])].join('\n');
  const rows = plan.archives.map((archive) => {
    const { name, selected, tables } = loadedOf(archive, plan);
    const done = name !== null && plan.aside.some((each) => each.by === name) ? 'replaced' : 'loaded';
    return [
      archive.database ?? '(accounts)',
      `${done}${selected}`,
      String(tables),
      sizeOf(archive, plan),
      name !== null && compared.includes(name) ? 'the same' : '-',
    ];
  });
  const head = ['database', 'done', 'tables', 'SQL', 'compared'];
  const from = `restored ${plan.run} of ${plan.where}: ${formatBytes(plan.readBytes)} verified, then read`;
  return [formatTable(head, rows), '', from, ...keptLogins.map(onOneLine), ...(seed ? [formatSeed(seed)] : [])].join(
    '\n',
  );
}

/** What a restore is going to do, before it does any of it. */
export function formatRestorePlan(plan: Restored['plan'], copies: Restored['copies'] = []): string {
  const { estimate, remarks, interrupted, unsettled, immovable } = plan;
  const rows = plan.archives.map((archive) => {
    const { name, selected, tables } = loadedOf(archive, plan);
    return [
      archive.database ?? '(accounts)',
      `${whatWouldBeDone(name, plan)}${selected}`,
      String(tables),
      sizeOf(archive, plan),
    ];
  });
  const others = copies.filter(({ verdict }) => verdict !== 'taken');
  const { needsBytes, freeBytes, oldBytes, seconds } = estimate;
  const free = freeBytes === null ? 'what is free there is not known' : `${formatBytes(freeBytes)} are free there`;
  const about = plan.archives.some((archive) => isPart(archive, plan)) ? 'at most about' : 'about';
  const old = oldBytes === 0 ? '' : `; the old ones keep ${formatBytes(oldBytes)} until then`;
  return [
    formatTable(['database', 'would', 'tables', 'SQL'], rows),
    '',
    `would restore ${plan.run} of ${plan.where}: ${formatBytes(plan.readBytes)} to be verified first, and then read`,
    `into     ${plan.into}`,
    ...others.map(({ place, verdict }) => `not from ${place}: ${onOneLine(verdict)}`),
    `space    ${about} ${formatBytes(needsBytes)} in the server's data folder, and ${free}${old}`,
    `time     ${about} ${formatDuration(seconds * 1000)}`,
    ...(plan.leftTrusting
      ? [
          'first    log_bin_trust_function_creators is set back to 0: an earlier restore that was cut short has left it at 1',
        ]
      : []),
    ...interrupted
      .filter((each) => !unsettled.some(({ database }) => database === each.database))
      .map(
        ({ database, name, state }) =>
          `first    an earlier restore of ${database} was cut short: ${SETTLED(state, name)}`,
      ),
    ...unsettled.map(
      ({ database, standing }) =>
        `refused  an earlier restore of ${database} was cut short, and somebody may have worked since in what is there (${standing})`,
    ),
    ...immovable.flatMap(({ database, obstacles }) =>
      obstacles.map((why) => `refused  ${database} cannot be moved out of the way: ${onOneLine(why)}`),
    ),
    ...remarks.map(({ kind, text, hint }) => `${kind.padEnd(8)} ${onOneLine(text)} (${onOneLine(hint)})`),
  ].join('\n');
}

/** Its name in the server, what is loaded of it where that is not all, and how many tables. */
function loadedOf(archive: Restored['plan']['archives'][number], { selections }: Restored['plan']) {
  const selection = selections?.get(archive);
  return {
    name: selection?.as ?? archive.database,
    selected: selection ? describeSelection(selection) : '',
    tables: selection?.tables?.length ?? archive.tables,
  };
}

/** How large a table is, or all but the rows, stands only inside of the archive, which is read as a whole. */
function isPart(archive: Restored['plan']['archives'][number], { selections }: Restored['plan']): boolean {
  const selection = selections?.get(archive);
  return selection !== undefined && (selection.tables !== null || selection.schemaOnly);
}

function sizeOf(archive: Restored['plan']['archives'][number], plan: Restored['plan']): string {
  return `${isPart(archive, plan) ? 'at most ' : ''}${formatBytes(archive.plainBytes)}`;
}

const SETTLED = (state: string, name: string) =>
  state === 'replaced' ? `all was verified, and ${name} is dropped` : `the old one comes back from ${name}`;

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

function whatWouldBeDone(database: string | null, plan: Restored['plan']): string {
  const { aside, drops, refused, immovable, unsettled, joined } = plan;
  if (database === null) return 'load, also into accounts that are there';
  if (unsettled.some((each) => each.database === database))
    return 'REFUSE: an earlier restore of it is unfinished; --put-back with --drop-first names it';
  if (immovable.some((each) => each.database === database)) return 'REFUSE: it cannot be moved; --drop-first names it';
  if (refused.includes(database)) return 'REFUSE: it is there; --overwrite names it';
  if (drops.includes(database)) return 'DROP, then load';
  if (joined.includes(database)) return 'load beside what is there';
  const moved = aside.find((each) => each.by === database);
  return moved ? `move aside as ${moved.name}, load, compare, then DROP the old one` : 'create and load';
}
