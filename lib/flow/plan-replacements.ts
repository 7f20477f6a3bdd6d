import { asideName, type FoundAside } from '../database/aside.ts';
import { OWN_DATABASES } from '../database/database-names.ts';
import type { Movable } from '../database/movable.ts';
import { putBackAlone, putBackWords } from '../database/put-back.ts';
import type { TargetFacts } from '../database/target.ts';
import { CoffreError } from '../model/error.ts';
import { DatabaseName } from '../model/names.ts';
import { quotePosix } from '../system/command.ts';

/** What becomes of the databases that stand where others are to be loaded. */
export interface Replacements {
  /** What a restore that was cut short has left of these databases: settled first, by putting the old one back. */
  readonly interrupted: readonly FoundAside[];
  /** Those among them in whose place something stands, in which somebody may have worked since: it is not for us to drop. */
  readonly unsettled: readonly FoundAside[];
  /** What is made: none of it may be there when the loading begins. */
  readonly creates: readonly DatabaseName[];
  /** Moved out of the way, and dropped once the new ones are verified; put back where they are not. */
  readonly aside: readonly Replacement[];
  /** Dropped before anything is loaded, as was asked for. */
  readonly drops: readonly DatabaseName[];
  /** Those that were not named for any of this, or cannot be moved: as long as there are any, nothing is done. */
  readonly refused: readonly string[];
  /** Why some of them cannot be moved out of the way. */
  readonly immovable: readonly Pick<Movable, 'database' | 'obstacles'>[];
}

export interface Replacement {
  /** As the server spells it. */
  readonly database: DatabaseName;
  /** The database of the run that takes its place: the same name, as the backed-up server spelled it. */
  readonly by: DatabaseName;
  /** What it is called until it goes. */
  readonly name: DatabaseName;
  /** Others that go with it, whose tables refer to its own: all of them are verified, or all come back. */
  readonly tied: readonly string[];
}

export interface ReplacementWish {
  /** Databases of the server. */
  readonly present: ReadonlySet<string>;
  /** Whether the server takes names that differ by case alone for the same. */
  readonly foldsNames: boolean;
  readonly asides: readonly FoundAside[];
  /** What is known of databases that are there and may be overwritten; one that is not among them can be moved. */
  readonly movable: readonly Movable[];
  readonly storedCode: TargetFacts['storedCode'];
  /** Databases that may be replaced, the old one being kept until the new one is verified. */
  readonly overwrite: readonly string[];
  /** Databases that may be dropped before the new one is there. */
  readonly dropFirst: readonly string[];
  /** When the restore begins. */
  readonly at: Date;
}

/**
 * Plans. Pure. `databases`: those that are to be loaded. Throws `refused` where the server cannot tell two of them apart,
 * `locked` where another restore is at one of them.
 */
export function planReplacements(databases: readonly DatabaseName[], wish: ReplacementWish): Replacements {
  const { overwrite, dropFirst, movable, at } = wish;
  const fold = (name: string) => (wish.foldsNames ? name.toLowerCase() : name);
  refuseOwn(databases);
  refuseDoubles(databases, fold);
  const loaded = new Set(databases.map(fold));
  const interrupted = wish.asides.filter(({ database, state }) => loaded.has(fold(database)) && state !== 'kept');
  refuseAtWork(interrupted);
  const unsettled = interrupted.filter(({ state, standing }) => state === 'moved' && standing !== null);
  const isUnsettled = (name: string) => unsettled.some(({ database }) => fold(database) === fold(name));
  // As the server spells them, after what was interrupted has been settled.
  const there = [...wish.present].filter((name) => loaded.has(fold(name)));
  const back = interrupted
    .map(({ database }) => database)
    .filter((name) => !there.some((one) => fold(one) === fold(name)));
  const replaced = databases.flatMap((by) =>
    [...there, ...back]
      .filter((name) => fold(name) === fold(by))
      .map((name) => ({
        database: DatabaseName.parse(name),
        by,
        name: asideName(DatabaseName.parse(name), at),
        tied: tiesOf(name, movable),
      })),
  );
  const isNamed = (names: readonly string[], name: string) => names.some((each) => fold(each) === fold(name));
  const drops = replaced
    .map(({ database }) => database)
    .filter((name) => isNamed(dropFirst, name) && !isUnsettled(name));
  const others = replaced.filter(({ database }) => !drops.includes(database));
  const named = others.filter(({ database }) => isNamed(overwrite, database) && !isUnsettled(database));
  const candidates = movable
    // What comes back has been moved before.
    .filter(({ database }) => !back.includes(database))
    .map((each) => ({ ...each, obstacles: [...each.obstacles, ...untrusted(each, wish)] }))
    .filter(({ database }) => named.some((each) => each.database === database));
  const immovable = withTies(candidates, drops);
  const aside = named.filter(({ database }) => !immovable.some((each) => each.database === database));
  return {
    interrupted,
    unsettled,
    creates: databases,
    aside,
    drops,
    refused: others
      .filter((each) => !aside.includes(each))
      .map(({ database }) => database)
      .sort(),
    immovable,
  };
}

function tiesOf(database: string, movable: readonly Movable[]): readonly string[] {
  return [...new Set(movable.find((each) => each.database === database)?.ties.map((tie) => tie.database) ?? [])];
}

/**
 * Those that cannot go: by themselves, or because what refers to them stays. A foreign key follows the table that it refers to
 * into the database that is aside, and back: so that both may go, or neither.
 */
function withTies(
  candidates: readonly Pick<Movable, 'database' | 'obstacles' | 'ties'>[],
  drops: readonly string[],
): readonly Pick<Movable, 'database' | 'obstacles'>[] {
  let stuck = new Map(
    candidates.filter(({ obstacles }) => obstacles.length > 0).map((each) => [each.database as string, each.obstacles]),
  );
  for (let before = -1; before !== stuck.size; ) {
    before = stuck.size;
    const goes = (name: string) =>
      drops.includes(name as DatabaseName) || candidates.some(({ database }) => database === name && !stuck.has(name));
    stuck = new Map(
      candidates.flatMap(({ database, obstacles, ties }) => {
        const all = [...obstacles, ...ties.filter((tie) => !goes(tie.database)).map(({ why }) => why)];
        return all.length === 0 ? [] : [[database as string, all] as const];
      }),
    );
  }
  return candidates.flatMap(({ database }) => {
    const obstacles = stuck.get(database);
    return obstacles ? [{ database, obstacles }] : [];
  });
}

/** What is put back is made anew, and with its binary log on a server takes that from those whom it trusts. */
function untrusted({ hasCode }: Movable, { storedCode }: ReplacementWish): readonly string[] {
  if (!hasCode || storedCode !== 'refused') return [];
  return ['the server does not trust this account with its functions and triggers (log_bin_trust_function_creators)'];
}

/** Throws `refused` when the plan would overwrite what nobody has named for that, or cannot be kept until the end. */
export function assertAllowed({ refused, immovable, unsettled, interrupted }: Replacements): void {
  const [left] = unsettled;
  if (left) throw somethingStandsThere(left);
  const unnamed = refused.filter((name) => !immovable.some(({ database }) => database === name));
  const cut = interrupted.find(({ database }) => unnamed.includes(database));
  if (cut) throw wasCutShort(cut);
  if (unnamed.length > 0) {
    const names = unnamed.map((name) => `--overwrite ${quotePosix(name)}`).join(' ');
    throw new CoffreError('refused', `cannot restore ${unnamed.join(', ')}: the server has a database of that name`, {
      hint: `to load it anew, and to drop the old one once that is verified, name it: ${names}`,
    });
  }
  if (immovable.length === 0) return;
  const [first] = immovable;
  const why = first?.obstacles[0] ?? '';
  const names = immovable.map(({ database }) => `--drop-first ${quotePosix(database)}`).join(' ');
  throw new CoffreError('refused', `cannot move ${first?.database} out of the way: ${why}`, {
    hint: `to drop it before the new one is there, which nothing undoes: ${names}`,
    findings: immovable.flatMap(({ database, obstacles }) => obstacles.map((each) => `${database}: ${each}`)),
  });
}

function somethingStandsThere({ database, name, standing }: FoundAside): CoffreError {
  const what = `an earlier restore was cut short (the old one is in ${name}), and where it was there is something (${standing}) in which somebody may have worked since`;
  const hint = `look at it; to drop it, which nothing undoes, and put the old one back: ${putBackWords(database)}; then restore again`;
  return new CoffreError('refused', `cannot restore ${database}: ${what}`, { hint });
}

function wasCutShort({ database, name }: FoundAside): CoffreError {
  const quoted = quotePosix(database);
  return new CoffreError(
    'refused',
    `cannot restore ${database}: an earlier restore of it was cut short, and the old one is in ${name}`,
    {
      hint: `to put it back, and nothing else: ${putBackAlone(database)}; to put it back, and replace it once the new one is verified: --overwrite ${quoted}`,
    },
  );
}

/** What it has moved comes back or goes by itself. */
function refuseAtWork(asides: readonly FoundAside[]): void {
  const busy = asides.find(({ atWork }) => atWork);
  if (!busy) return;
  throw new CoffreError('locked', `cannot restore ${busy.database}: another restore is at it`, {
    hint: 'wait for it, or look for it: SHOW FULL PROCESSLIST',
  });
}

/** A server without its own databases is none any more: no name on the command line is to ask for that. */
function refuseOwn(databases: readonly string[]): void {
  const own = databases.find((name) => OWN_DATABASES.has(name.toLowerCase()));
  if (own === undefined) return;
  throw new CoffreError('refused', `cannot restore into ${own}: that database is the server's own`, {
    hint: 'take another name: --as shop_old; accounts and their grants come with --accounts',
  });
}

function refuseDoubles(databases: readonly string[], fold: (name: string) => string): void {
  const double = databases.find((name, index) => databases.findIndex((other) => fold(other) === fold(name)) !== index);
  if (double === undefined) return;
  const both = databases.filter((name) => fold(name) === fold(double)).join(' and ');
  throw new CoffreError(
    'refused',
    `cannot restore ${both}: the server takes these names for one (lower_case_table_names)`,
    {
      hint: 'restore them one by one into different servers, or one of them with --database',
    },
  );
}
