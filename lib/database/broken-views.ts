import * as z from 'zod';
import type { Ask } from './client.ts';
import { isNamed } from './own-objects.ts';
import { quoteIdentifier, quoteString } from './sql-text.ts';

/** What keeps a dump from being whole. */
export interface Obstacle {
  readonly sentence: string;
  readonly hint: string;
}

/** A view that nobody can read, because its definer is gone. It is dumped and loaded as it is. */
export interface OrphanView {
  readonly database: string;
  readonly name: string;
  /** `app@%`, or the name of a role. */
  readonly definer: string;
}

const VIEWS_A_CHECK = 200;

const Named = z.object({ database: z.string(), name: z.string() });
const Failing = z.object({ index: z.int(), columns: z.int() });
const Definer = z.object({ database: z.string(), name: z.string(), definer: z.string(), body: z.string() });

interface FailingView extends z.infer<typeof Named> {
  readonly columns: number;
}

/**
 * Looks at each view of `databases`. One whose own definer is gone is dumped and loaded like any other, as long as it is on no
 * other view that cannot be read, and on no function: these are the orphans. Any other that cannot be read is an obstacle.
 */
export async function readBrokenViews(
  ask: Ask,
  databases: ReadonlySet<string>,
): Promise<{ readonly obstacles: readonly Obstacle[]; readonly orphans: readonly OrphanView[] }> {
  const listed = await ask(
    "SELECT JSON_OBJECT('database', TABLE_SCHEMA, 'name', TABLE_NAME) FROM information_schema.VIEWS",
    Named,
  );
  const failing = await failingOf(
    ask,
    listed.filter(({ database }) => databases.has(database)),
  );
  if (failing.length === 0) return { obstacles: [], orphans: [] };
  const lost = await readLostDefiners(ask, failing);
  const gone = [...new Set(lost.map(({ definer }) => definer))];
  // What one of them is on may be in another database.
  const elsewhere =
    lost.length === 0
      ? []
      : await failingOf(
          ask,
          listed.filter(({ database }) => !databases.has(database)),
        );
  const all = [...failing, ...elsewhere];
  const isOn = (body: string, own: FailingView) =>
    CALLS.test(body) || all.some((other) => other !== own && body.includes(quoteIdentifier(other.name)));
  const obstacles: Obstacle[] = [];
  const orphans: OrphanView[] = [];
  for (const view of failing) {
    const own = lost.find(({ database, name }) => database === view.database && name === view.name);
    const { database, name } = view;
    if (own && view.columns > 0 && own.body !== '' && !isOn(own.body, view))
      orphans.push({ database, name, definer: own.definer });
    else obstacles.push(obstacleOf(view, own?.definer, gone));
  }
  return { obstacles, orphans };
}

/** A function in the server's own writing of a view. */
const CALLS = /`\.`(?:[^`]|``)+`\(/;

/** Each view is prepared and never run: that needs no more than SELECT, reads no row, and changes nothing. */
async function failingOf(ask: Ask, views: readonly z.infer<typeof Named>[]): Promise<readonly FailingView[]> {
  const failing: FailingView[] = [];
  for (let start = 0; start < views.length; start += VIEWS_A_CHECK)
    failing.push(...(await probe(ask, views.slice(start, start + VIEWS_A_CHECK))));
  return failing;
}

async function probe(ask: Ask, views: readonly z.infer<typeof Named>[]): Promise<readonly FailingView[]> {
  const probes = views.map(({ database, name }, index) => {
    const view = `${quoteIdentifier(database)}.${quoteIdentifier(name)}`;
    return `BEGIN NOT ATOMIC
      DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SELECT JSON_OBJECT('index', ${index}, 'columns', (
        SELECT COUNT(*) FROM information_schema.COLUMNS
        WHERE ${isNamed('TABLE_SCHEMA', database)} AND ${isNamed('TABLE_NAME', name)}));
      PREPARE coffre_probe FROM ${quoteString(`SELECT * FROM ${view}`)};
    END`;
  });
  const rows = await ask(`DELIMITER //\n${probes.join('//\n')}//\nDELIMITER ;\nDO 0`, Failing);
  return rows.flatMap(({ index, columns }) => {
    const view = views[index];
    return view ? [{ ...view, columns }] : [];
  });
}

/** Of those views whose definer the server does not have; none for whoever may not read its accounts. */
async function readLostDefiners(
  ask: Ask,
  views: readonly z.infer<typeof Named>[],
): Promise<readonly z.infer<typeof Definer>[]> {
  const which = views.map(
    ({ database, name }) => `(${isNamed('TABLE_SCHEMA', database)} AND ${isNamed('TABLE_NAME', name)})`,
  );
  const sql = `SELECT JSON_OBJECT('database', TABLE_SCHEMA, 'name', TABLE_NAME, 'definer', TRIM(TRAILING '@' FROM DEFINER),
      'body', VIEW_DEFINITION) FROM information_schema.VIEWS
    WHERE (${which.join(' OR ')}) AND TRIM(TRAILING '@' FROM DEFINER) COLLATE utf8mb3_bin NOT IN (
      SELECT TRIM(TRAILING '@' FROM CONCAT(User, '@', Host)) COLLATE utf8mb3_bin FROM mysql.global_priv)`;
  return await ask(sql, Definer).catch(() => []);
}

function obstacleOf(
  { database, name, columns }: FailingView,
  definer: string | undefined,
  gone: readonly string[],
): Obstacle {
  const view = `${quoteIdentifier(database)}.${quoteIdentifier(name)}`;
  // What it is on is there where the server can tell its columns: then it is an account that is missing, or a privilege.
  if (columns === 0 && definer === undefined) {
    const hint = `look at: SHOW CREATE VIEW ${view}; then mend or drop it`;
    return { sentence: `the view ${view} cannot be read: what it refers to is gone`, hint };
  }
  const why =
    definer === undefined
      ? 'its definer lacks a privilege, or that of a view or a function that it is on is no account any more'
      : `its definer ${definer} is no account any more, and it is on a function, or on what cannot be read`;
  const again = gone.length === 0 ? 'make that account again' : `make ${gone.join(', ')} again with its grants`;
  return {
    sentence: `the view ${view} cannot be read: ${why}`,
    hint: `look at: SHOW CREATE VIEW ${view}; ${again}, or ALTER DEFINER = … VIEW ${view} AS …`,
  };
}
