import { execFileSync } from 'node:child_process';
import { chmod, readdir } from 'node:fs/promises';
import t from 'tap';
import { checkSignature } from '../../lib/audit/verify-signature.ts';
import type { DrillRecord } from '../../lib/model/drill-record.ts';
import { exists } from '../../lib/system/files.ts';
import { addDriller, DRILLER, writeDriller } from '../fixture/driller.ts';
import { pathWith } from '../fixture/programs.ts';
import { eventsOf } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

const world = await worldFor(t, { shopRows: 2 });
await addDriller(world);
await world.goodRun();
const git = (...words: string[]) => execFileSync('git', ['-C', world.auditRepository, ...words]);

interface Result {
  readonly record: DrillRecord;
  readonly error: { readonly code: string; readonly message: string; readonly findings: readonly string[] } | null;
  readonly publication: string;
}

async function drill(env: Readonly<Record<string, string>> = {}, ...words: string[]) {
  const ended = await world.task('drill', [...words, '--json'], { env });
  const { data, error } = (eventsOf(ended).at(-1) ?? {}) as { data?: readonly Result[]; error?: { code: string } };
  return { ...ended, outcome: data?.[0], error };
}

async function validated() {
  const ended = await world.task('validate', ['--json']);
  const { data } = eventsOf(ended).at(-1) as unknown as { data: { findings: { severity: string; rule: string }[] } };
  return { exitCode: ended.exitCode, told: data.findings.map(({ severity, rule }) => `${severity} ${rule}`) };
}

const publishedPaths = () =>
  git('ls-tree', '-r', '--name-only', 'main')
    .toString()
    .split('\n')
    .filter((path) => path.startsWith('drills/'));
const scratch = async () =>
  (await exists(world.at('driller/scratch'))) ? await readdir(world.at('driller/scratch')) : [];
const [run = ''] = await readdir(world.at('offsite/backups/db1'));

t.test('a host that demands drills and has none makes validate fail', async (t) => {
  t.strictSame(await validated(), { exitCode: 5, told: ['error drill'] });
});

t.test(
  'the newest run is restored from the offsite into a throwaway server, compared, signed and published',
  async (t) => {
    const { exitCode, outcome, stdout, stderr } = await drill();
    t.equal(exitCode, 0, stdout + stderr);
    t.match(outcome, {
      error: null,
      publication: 'published',
      record: {
        ...{ driller: 'drill1', host: 'db1', run, sequence: 1, previous: null, outcome: 'succeeded' },
        source: { kind: 'offsite', offsite: 'contractor' },
        proof: { databases: 2, tables: 2 },
        phases: [{ name: 'find' }, { name: 'prepare' }, { name: 'restore' }],
      },
    });
    const { proof, software } = outcome?.record ?? {};
    t.ok(proof && proof.recoveryMs > 0 && proof.plainBytes > 2_000_000 && proof.sealedBytes > 1_000_000);
    t.match(software?.server, /MariaDB/);
    t.strictSame(await scratch(), [], 'nothing is left');
    const [path = '', signaturePath = ''] = publishedPaths();
    t.match(path, /^drills\/db1\/\d{4}\/\d{4}-\d{2}-\d{2}T\d{6}Z-drill1\.json$/);
    const [bytes, signature] = [git('show', `main:${path}`), git('show', `main:${signaturePath}`)];
    const { allowedSigners } = await world.inventory();
    t.equal(await checkSignature({ bytes, signature, allowedSigners, host: DRILLER }), 'valid');
    t.strictSame(JSON.parse(bytes.toString()), outcome?.record);
    t.strictSame(await validated(), { exitCode: 0, told: [] });
  },
);

t.test('a copy without any run is a drill that failed, and not a mistake of the command line', async (t) => {
  await writeDriller(world, { logins: [{ host: 'db1', offsite: 'contractor', path: world.at('offsite/backups') }] });
  const empty = await drill();
  await writeDriller(world);
  t.equal(empty.exitCode, 5, empty.stderr);
  t.match(empty.outcome, {
    error: {
      code: 'drill-failed',
      message: /cannot show that the backups of db1 can be restored: cannot find any run/,
    },
    publication: 'published',
    record: { sequence: 2, run: null, manifest: null, error: { code: 'drill-failed', phase: 'find' } },
  });
  t.equal(publishedPaths().length, 4);
  t.strictSame(await validated(), { exitCode: 5, told: ['error drill'] });
});

t.test('another version of the dump program is no damage: what it writes in the same way is compared', async (t) => {
  const version = `echo 'mariadb-dump  Ver 10.19 Distrib 10.11.1-MariaDB'`;
  const drillWith = async (name: string, script: string) => {
    const PATH = await pathWith(
      world.at(name),
      'mariadb-dump',
      `case "$*" in *--version*) ${version};; *) ${script};; esac`,
    );
    return await drill({ PATH });
  };
  const same = await drillWith('bin-other', 'exec "$REAL" "$@"');
  t.equal(same.exitCode, 0, same.stderr);
  t.match(same.outcome, { error: null, record: { outcome: 'succeeded', proof: { databases: 2 }, error: null } });
  const odd = await drillWith('bin-odd', `"$REAL" "$@" | sed 's/DEFAULT CHARSET=/DEFAULT  CHARSET=/'`);
  t.equal(odd.exitCode, 3, odd.stderr);
  t.match(odd.outcome, {
    error: {
      code: 'not-compared',
      message: /^cannot tell whether .* is what was backed up: all of it was restored, and another version writes it/,
      findings: [/: the table `customer` is made in another way$/, /./],
    },
    publication: 'published',
    record: { outcome: 'failed', run, proof: null, error: { code: 'not-compared', phase: 'restore' } },
  });
  const judged = await world.task('validate', []);
  t.match(judged.stdout.replaceAll(/\s+/g, ' '), /the last drill of drill1 came to no verdict on .* \(not-compared\)/);
});

t.test('a key that others can read is refused, and a machine that may not sign does not begin', async (t) => {
  const before = publishedPaths().length;
  await chmod(world.at('driller/etc/drill.pem'), 0o644);
  t.match(await drill(), { exitCode: 8, error: { code: 'refused' } });
  await chmod(world.at('driller/etc/drill.pem'), 0o600);
  await writeDriller(world, { state: { path: world.at('driller/other') } });
  t.match(await drill(), { exitCode: 8, error: { code: 'refused' } });
  await writeDriller(world);
  t.match(await drill({}, 'nobody'), { exitCode: 2 });
  t.match(await drill({}, '--host', 'db9'), { exitCode: 2 });
  t.equal(publishedPaths().length, before);
});
