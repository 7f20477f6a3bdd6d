import { putBackAlone } from '../database/put-back.ts';
import type { ServerAccounts } from '../database/server-accounts.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import type { TargetTraits } from '../database/target-traits.ts';
import type { Archive } from '../model/archive-record.ts';
import type { Manifest } from '../model/manifest.ts';
import type { RestoreEstimate } from './restore-estimate.ts';

/** What somebody should know before anything is loaded. */
export interface RestoreRemark {
  /** A warning is told in any case; a note stands in the plan. */
  readonly kind: 'warning' | 'note';
  readonly text: string;
  readonly hint: string;
}

/** In what the server differs from the one that was backed up, as far as the manifest tells. Pure. */
export function remarksOn(
  manifest: Manifest,
  archives: readonly Archive[],
  traits: TargetTraits,
  estimate: RestoreEstimate,
): readonly RestoreRemark[] {
  return [
    ...aboutVersion(manifest, traits),
    ...aboutEngines(archives, traits),
    ...aboutNames(archives, traits),
    ...aboutEvents(archives, traits),
    ...aboutSpace(estimate),
    ...aboutAsides(archives, traits),
    ...aboutDefiners(archives),
    ...aboutTimeZones(archives, traits),
  ];
}

const warning = (text: string, hint: string): RestoreRemark => ({ kind: 'warning', text, hint });
const note = (text: string, hint: string): RestoreRemark => ({ kind: 'note', text, hint });

/** Of databases that somebody has named to be replaced, those that nothing replaces: a slip of the hand, or a wrong idea. */
export function aboutUnused(
  named: readonly string[],
  loaded: readonly string[],
  fold: (name: string) => string,
): RestoreRemark[] {
  const unused = [...new Set(named)].filter((name) => !loaded.some((each) => fold(each) === fold(name)));
  if (unused.length === 0) return [];
  const text = `${unused.join(', ')} is named to be overwritten or dropped, and is not restored: nothing is done to it`;
  return [
    warning(text, `what is restored: ${loaded.join(', ') || 'no database'}; names are as the server spells them`),
  ];
}

function aboutVersion({ server }: Manifest, { version }: TargetTraits): RestoreRemark[] {
  if (!/mariadb/i.test(version))
    return [
      warning(`the server is no MariaDB, but ${version}`, 'restore into MariaDB; what fails is told, and taken back'),
    ];
  const [was, is] = [seriesOf(server?.version ?? ''), seriesOf(version)];
  if (was === undefined || is === undefined || is.number >= was.number) return [];
  const text = `the server is MariaDB ${is.name}, older than the ${was.name} of the backup: it may lack character sets, types or syntax`;
  return [warning(text, `what fails is told, and taken back; to be sure, restore into MariaDB ${was.name} or newer`)];
}

/** `10.11.19-MariaDB` → 10.11, which comes after 10.6. */
function seriesOf(version: string): { readonly name: string; readonly number: number } | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  return { name: `${major}.${minor}`, number: Number(major) * 1000 + Number(minor) };
}

/** The manifest names the engines of those tables alone that have no transactions. */
function aboutEngines(archives: readonly Archive[], { engines }: TargetTraits): RestoreRemark[] {
  const lacking = archives.flatMap(({ database, notPointInTime = [] }) =>
    notPointInTime
      .filter(({ engine }) => engine !== 'unknown' && !engines.has(engine.toLowerCase()))
      .map(({ table, engine }) => `${database}.${table} (${engine})`),
  );
  if (lacking.length === 0) return [];
  const text = `the server lacks the storage engine of ${lacking.join(', ')}`;
  return [warning(text, 'install it there first: INSTALL SONAME; SHOW ENGINES tells which it has')];
}

function aboutNames(archives: readonly Archive[], { foldsNames }: TargetTraits): RestoreRemark[] {
  const changed = archives.flatMap(({ database }) =>
    database && database !== database.toLowerCase() ? [database] : [],
  );
  if (!foldsNames || changed.length === 0) return [];
  const text = `the server writes names in lower case (lower_case_table_names), also those of ${changed.join(', ')}`;
  return [warning(text, 'what was loaded then differs in its names from what was backed up')];
}

function aboutEvents(archives: readonly Archive[], { runsEvents }: TargetTraits): RestoreRemark[] {
  const names = archives.flatMap(({ database, events }) => (database !== null && events > 0 ? [database] : []));
  if (!runsEvents || names.length === 0) return [];
  const text = `the events of ${names.join(', ')} run as soon as they are loaded`;
  return [warning(text, 'on a server beside production turn them off first: SET GLOBAL event_scheduler = OFF;')];
}

function aboutSpace({ needsBytes, freeBytes }: RestoreEstimate): RestoreRemark[] {
  if (freeBytes === null || freeBytes >= needsBytes) return [];
  const [needs, free] = apart(needsBytes, freeBytes);
  const text = `about ${needs} are needed, and ${free} are free in the server's data folder`;
  return [warning(text, 'make room first, or restore some databases: --database')];
}

/** Both in the largest unit in which they are not the same. */
function apart(one: number, other: number): readonly [string, string] {
  for (const [bytes, unit] of [
    [1024 ** 3, 'GiB'],
    [1024 ** 2, 'MiB'],
  ] as const) {
    const [a, b] = [one, other].map((each) => `${(each / bytes).toFixed(1)} ${unit}`) as [string, string];
    if (a !== b) return [a, b];
  }
  return [`${one} bytes`, `${other} bytes`];
}

/** What earlier restores have left of databases that this one does not touch. */
function aboutAsides(archives: readonly Archive[], { asides }: TargetTraits): RestoreRemark[] {
  return asides.flatMap(({ name, database, state, atWork }) => {
    if (atWork) return [];
    if (state === 'kept')
      return [
        note(
          `the old ${database} is still there as ${name}`,
          `when nobody needs it any more: DROP DATABASE ${quoteIdentifier(name)};`,
        ),
      ];
    if (archives.some((archive) => archive.database === database)) return [];
    const text = `a restore of ${database} was cut short: the old one is in ${name}`;
    return [warning(text, `put it back: ${putBackAlone(database)}`)];
  });
}

function aboutDefiners(archives: readonly Archive[]): RestoreRemark[] {
  if (archives.some(({ database }) => database === null)) return [];
  const names = archives.flatMap(({ database, views, routines, triggers, events }) =>
    views + routines + triggers + events > 0 ? [database ?? ''] : [],
  );
  if (names.length === 0) return [];
  const text = `the accounts are left out: views, triggers, routines and events of ${names.join(', ')} need their definers`;
  return [note(text, 'take the accounts, too: --accounts')];
}

/** Whoever restores, and whoever comes after a restore that was cut short, has to be let in all the same. */
export function aboutKeptLogins({ own, installed }: ServerAccounts): RestoreRemark[] {
  const others = installed.filter((name) => name !== own);
  const also = others.length === 0 ? '' : `, and ${others.join(', ')}, with which the server was installed`;
  const keep = others.length === 0 ? 'keeps' : 'keep';
  const text = `${own}, as which this restore is logged in${also}, ${keep} the way to log in that this server has for it`;
  return [note(text, 'to have that of the backup, set it once all is restored: ALTER USER … IDENTIFIED …')];
}

function aboutTimeZones(archives: readonly Archive[], { hasTimeZones }: TargetTraits): RestoreRemark[] {
  if (
    hasTimeZones ||
    archives.every(({ views, routines, triggers, events }) => views + routines + triggers + events === 0)
  )
    return [];
  const text = 'the server knows no time zones by name: CONVERT_TZ gives NULL for one';
  return [note(text, 'if it should: mariadb-tzinfo-to-sql /usr/share/zoneinfo | mariadb mysql')];
}
