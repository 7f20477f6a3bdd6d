import { parseGtidSet } from '../database/gtid-set.ts';
import type { Primary, StartingPoint } from '../database/seed-replica.ts';
import type { SeedTarget } from '../database/seed-target.ts';
import { CoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';

/** How a restored server becomes a replica. A value: `--dry-run` prints it, and the restore carries out this very one. */
export interface SeedPlan {
  readonly primary: Primary;
  readonly start: StartingPoint;
  /** Whether the run was taken from the primary itself, or from a replica of it. */
  readonly takenFrom: 'primary' | 'replica';
  /** Databases with tables whose rows may be newer than the starting point. */
  readonly notPointInTime: readonly string[];
  readonly readOnly: boolean;
}

/**
 * Plans. Pure. Throws `refused`, naming everything at once, when the run does not say where a replica would have to begin,
 * or when the server is not an empty one that could begin there.
 */
export function planSeed(manifest: Manifest, primary: Primary, target: SeedTarget): SeedPlan {
  const start = startingPoint(manifest);
  const obstacles = obstaclesOf(manifest, start, target);
  const [first] = obstacles;
  if (first) {
    throw new CoffreError('refused', `cannot make a replica: ${first.says}`, {
      hint: first.hint,
      findings: obstacles.map(({ says, hint }) => `${says} (${hint})`),
    });
  }
  return {
    primary,
    start,
    takenFrom: manifest.server?.replication ? 'replica' : 'primary',
    notPointInTime: manifest.archives.flatMap(({ database, notPointInTimeTables }) =>
      database !== null && notPointInTimeTables > 0 ? [database] : [],
    ),
    readOnly: target.readOnly,
  };
}

/** The GTID where the run has one: a file and a position are those of one server, and may be less certain. */
function startingPoint({ run, server, snapshot }: Manifest): StartingPoint {
  const refuse = (why: string, hint: string) =>
    new CoffreError('refused', `cannot make a replica of the run ${run}: ${why}`, { hint });
  const replication = server?.replication;
  if (!replication) {
    if (snapshot?.gtid) return { kind: 'gtid', gtid: snapshot.gtid };
    if (snapshot?.binlog) return { kind: 'position', ...snapshot.binlog };
    throw refuse(
      'the server that it was taken from has no binary log',
      'nobody can follow that server: let it write one, log_bin',
    );
  }
  const { sources, gtid, consistent } = replication;
  const [source] = sources;
  if (sources.length > 1) {
    const names = sources.map(({ name }) => JSON.stringify(name ?? '?')).join(', ');
    throw refuse(
      `its server follows ${sources.length} primaries (${names})`,
      `restore it without --as-replica, then by hand: SET GLOBAL gtid_slave_pos = '${gtid ?? '…'}', and CHANGE MASTER for each`,
    );
  }
  if (source?.filtered) {
    throw refuse(
      'its server leaves out parts of what its primary has',
      'take a run of the primary itself, or of a whole replica',
    );
  }
  if (!consistent) {
    throw refuse(
      'where in its history its snapshot is, is not certain',
      'take another run; database.replica: { stop: sql-thread } makes it certain',
    );
  }
  if (gtid) return { kind: 'gtid', gtid };
  if (source?.binlog) return { kind: 'position', ...source.binlog };
  throw refuse(
    'its place in the log of its primary is not certain',
    'take another run with database.replica: { stop: sql-thread }',
  );
}

const RESET = 'RESET MASTER;';

interface Obstacle {
  readonly says: string;
  readonly hint: string;
}

function obstaclesOf({ archives }: Manifest, start: StartingPoint, target: SeedTarget): readonly Obstacle[] {
  const { follows, ownLog, runsEvents, serverId, unused } = target;
  const wants = (name: string) => archives.some(({ database }) => database === name);
  const databases = [...target.databases, ...unused.filter(wants)];
  const found: Obstacle[] = [];
  if (databases.length > 0)
    found.push({
      says: `the server is not empty: it has ${databases.join(', ')}`,
      // What drops them is a transaction too, and would be the next obstacle.
      hint: `take an empty one, or drop them there, then: ${RESET}`,
    });
  if (follows.length > 0)
    found.push({
      says: `the server follows ${follows.join(', ')} already`,
      hint: 'run there: STOP ALL SLAVES; RESET SLAVE ALL;',
    });
  if (runsEvents && archives.some(({ events }) => events > 0))
    found.push({
      says: 'its events would run here, too, while they are loaded',
      hint: 'run there: SET GLOBAL event_scheduler = OFF;',
    });
  const wanted = start.kind === 'gtid' ? parseGtidSet(start.gtid) : new Map();
  const clashing = [...(ownLog ?? [])].filter(([domain]) => wanted.has(domain)).map(([domain]) => domain);
  if (clashing.length > 0)
    found.push({
      says: `the server's own log has transactions of the domain ${clashing.join(', ')}`,
      hint: `on an empty server nobody needs them; run there: ${RESET}`,
    });
  if ([...wanted.values()].some(({ server }) => server === serverId))
    found.push({
      says: `the server has the server_id of the primary, ${serverId}`,
      hint: 'set another one in its option file, and restart it',
    });
  return found;
}
