import { availableParallelism } from 'node:os';
import { COFFRE } from './coffre.ts';
import type { Contestant } from './contestant.ts';
import { scriptPeer } from './script-peer.ts';

/*
 * Whom coffre is measured with. Each does as much of the same work as it can: dump, compress, encrypt, to the far end by
 * the same sshd, synced there.
 */

const ONE_COPY = 'one copy';
const NO_PROOF = 'no read-back, digest or signature';
const OWN_MOMENTS = 'every database as of another moment';
const NO_ACCOUNTS = 'no accounts';
const cores = availableParallelism();

const RECIPE = scriptPeer({
  name: 'recipe',
  script: 'recipe.sh',
  does: 'the old recipe: mariadb-dump, tar czf twice, openssl enc, scp',
  leavesOut: [OWN_MOMENTS, NO_ACCOUNTS, NO_PROOF, 'no sync', 'plaintext on the disk'],
  aim: 0.2,
  roughMBps: 11,
});

const PIPELINES = (['igzip', 'zstd'] as const).map((compressor) =>
  scriptPeer({
    name: `pipeline-${compressor}`,
    script: 'pipeline.sh',
    words: [compressor],
    does: `mariadb-dump | ${compressor} -3 | openssl enc | ssh 'cat && sync', ${cores + 1} databases at a time`,
    leavesOut: [OWN_MOMENTS, NO_ACCOUNTS, ONE_COPY, NO_PROOF],
    programs: [compressor],
    aim: 1,
    roughMBps: 60,
  }),
);

const PHYSICAL = (['igzip', 'zstd'] as const).map((compressor) =>
  scriptPeer({
    name: `mariadb-backup-${compressor}`,
    script: 'mariadb-backup.sh',
    words: [compressor],
    does: `mariadb-backup --stream, ${cores + 1} copying | ${compressor} -3 | openssl enc | ssh 'cat && sync'`,
    leavesOut: ["the server's files instead of SQL", ONE_COPY, NO_PROOF],
    programs: ['mariadb-backup', 'mbstream', compressor],
    roughMBps: 80,
    restores: 'files',
  }),
);

const RESTIC = scriptPeer({
  name: 'restic',
  script: 'restic.sh',
  does: 'one mariadb-dump | restic backup --stdin, over SFTP, first run into a fresh repository',
  leavesOut: [NO_ACCOUNTS, ONE_COPY, 'no read-back or signature', 'no sync', 'the host can decrypt'],
  programs: ['restic'],
  aim: 0.8,
  roughMBps: 40,
});

const BORG = scriptPeer({
  name: 'borg',
  script: 'borg.sh',
  does: 'one mariadb-dump | borg create -, lz4, over SSH, first run into a fresh repository',
  leavesOut: [NO_ACCOUNTS, ONE_COPY, 'no read-back or signature', 'the host can decrypt'],
  programs: ['borg'],
  roughMBps: 40,
});

const MYDUMPER = scriptPeer({
  name: 'mydumper',
  script: 'mydumper.sh',
  does: `mydumper --compress --rows 100000, ${cores + 1} threads, into a folder of the host`,
  leavesOut: ['no encryption', 'nothing leaves the host', 'no sync', NO_ACCOUNTS, NO_PROOF],
  programs: ['mydumper', 'myloader'],
  aim: 0.75,
  roughMBps: 35,
  restores: 'server',
});

const DUMP = scriptPeer({
  name: 'dump',
  script: 'dump.sh',
  words: ['1'],
  does: 'the limit: mariadb-dump > /dev/null, one database after another',
  leavesOut: ['everything but reading'],
  aim: 1.6,
  roughMBps: 75,
  restores: 'nothing',
});

const PARALLEL_DUMP = scriptPeer({
  name: 'dump-parallel',
  script: 'dump.sh',
  words: [`${cores + 1}`],
  does: `the limit: mariadb-dump > /dev/null, ${cores + 1} databases at a time`,
  leavesOut: ['everything but reading'],
  roughMBps: 110,
  restores: 'nothing',
});

/** Everybody, in the order in which the table shows them. */
export const CONTESTANTS: readonly Contestant[] = [
  COFFRE,
  RECIPE,
  ...PIPELINES,
  RESTIC,
  BORG,
  MYDUMPER,
  ...PHYSICAL,
  DUMP,
  PARALLEL_DUMP,
];
