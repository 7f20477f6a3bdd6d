import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from '../../../lib/flow/validate.ts';
import type { Manifest } from '../../../lib/model/manifest.ts';
import { systemClock } from '../../../lib/system/clock.ts';
import type { FaultWorld } from '../fault-world.ts';
import type { NightEnd } from '../night.ts';
import { checkRun, type Findings, type Place, runsIn } from './copies.ts';

/** The manifests in an audit repository, by their run. */
export function publishedIn(repository: string): ReadonlyMap<string, Manifest> {
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', repository, ...words], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const paths = git('ls-tree', '-r', '--name-only', 'main').split('\n');
  const manifests = paths.flatMap((path) =>
    /^manifests\/.*\/\d{4}-\d{2}-\d{2}T\d{6}Z\.json$/.test(path)
      ? [JSON.parse(git('show', `main:${path}`)) as Manifest]
      : [],
  );
  return new Map(manifests.filter((each) => 'outcome' in each).map((each) => [each.run as string, each]));
}

/** Every run that has taken a name is on record, and as what it is: what has its final name in the store has succeeded. */
export async function checkRecord(state: string, store: string, repository: string): Promise<Findings> {
  const published = publishedIn(repository);
  const claimed = readdirSync(join(state, 'runs')).filter((name) => /^\d{4}-\d{2}-\d{2}T\d{6}Z$/.test(name));
  const stored = await runsIn(store);
  return [
    ...claimed.filter((run) => !published.has(run)).map((run) => `the run ${run} is not on record`),
    ...stored.flatMap((run) => {
      const outcome = published.get(run)?.outcome;
      return outcome === 'succeeded' ? [] : [`the run ${run} is in the store, and on record as ${outcome}`];
    }),
    ...[...published.values()].flatMap(({ run, outcome }) =>
      outcome === 'succeeded' && !stored.includes(run)
        ? [`the run ${run} is on record as good, and not in the store`]
        : [],
    ),
  ];
}

/** What `validate` says of the repository, but for what is right to say. */
export async function checkValidates(world: FaultWorld, rightRules: readonly string[]): Promise<Findings> {
  const { findings } = await validate({
    inventory: await world.world.inventory(),
    source: { location: world.world.auditRepository, branch: 'main' },
    clock: systemClock,
  });
  return findings
    .filter(({ severity, rule }) => severity === 'error' && !rightRules.includes(rule))
    .map((finding) => `validate: ${JSON.stringify(finding)}`);
}

interface Told {
  readonly exitCode: number;
  readonly data?: { readonly manifest?: Manifest; readonly owed?: readonly { readonly what: string }[] };
}

/** What a night has said is done: 0 is everything; 3 and 5 are the run, safe in the store. */
export async function checkDone(
  { exitCode, result }: NightEnd,
  places: { readonly store: Place; readonly export: Place; readonly offsite: Place },
  repository: string,
): Promise<Findings> {
  const told = result as (Told & NightEnd['result']) | undefined;
  const code = told?.exitCode ?? exitCode;
  if (code !== 0 && code !== 3 && code !== 5) return [];
  const run = told?.data?.manifest?.run;
  if (run === undefined) return [`the night ended with ${code} and named no run`];
  if (code === 0) {
    const missing = publishedIn(repository).has(run) ? [] : [`${run} was reported as published, and is not`];
    const copies = await Promise.all(Object.values(places).map((place) => checkRun(place, run)));
    return [...copies.flat(), ...missing].map((finding) => `reported as done: ${finding}`);
  }
  // What is owed to the store itself is said to be.
  const owesStore = told?.data?.owed?.some(({ what }) => what === 'store') === true;
  const places3 = owesStore ? [places.store, places.export, places.offsite] : [places.store];
  const findings = await Promise.all(places3.map((place) => checkRun(place, run)));
  if (findings.some((each) => each.length === 0)) return [];
  return findings.flat().map((finding) => `reported as safe: ${finding}`);
}
