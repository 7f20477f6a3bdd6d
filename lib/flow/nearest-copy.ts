import { asCoffreError, CoffreError, type ErrorCode } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { RunId } from '../model/run-id.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { type CopyPlace, openPlace, openRunAt } from './find-copy.ts';

/** What became of a place when a copy was looked for. */
export interface Considered {
  /** `store`, `export`, `offsite:<name>`, or a folder. */
  readonly place: string;
  /** `taken`, or why not. */
  readonly verdict: string;
}

/** The copy that is used. Whoever gets it MUST close its place. */
export interface ChosenCopy<Proven> {
  readonly place: CopyPlace;
  readonly proven: Proven;
  /** All places that there are, the nearest first. */
  readonly considered: readonly Considered[];
}

export interface CopyWish {
  /** The only place that counts; all of the host's, the nearest first, if absent. */
  readonly from: string | undefined;
  /** The only places that count, the nearest first, where they are open already: a farther one is asked only where it has to. */
  readonly places?: readonly CopyPlace[] | undefined;
  /** Opens a place by its name; on this machine if absent. */
  readonly open?: ((place: string) => Promise<CopyPlace>) | undefined;
  /** The newest there is, if absent. */
  readonly run: RunId | undefined;
  readonly signal: AbortSignal;
  /** Told of each copy that cannot be taken, as soon as that is known. */
  readonly reject: (place: string, error: CoffreError) => void;
}

/** What is wrong with one copy, and need not be with the next one. */
const OF_ONE_COPY: readonly ErrorCode[] = [
  'verification-failed',
  'disk-failed',
  'store-unreachable',
  'offsite-unreachable',
  'host-unreachable',
  'write-failed',
];

/** What keeps from one place, and not from the next one. */
const OF_ONE_PLACE: readonly ErrorCode[] = [...OF_ONE_COPY, 'not-found', 'host-key', 'refused'];

/** Finds out whether a copy can be used, and what is needed of it later on. Throws what is wrong with it. */
export type Prove<Proven> = (run: RunId, reader: RunReader, place: CopyPlace) => Promise<Proven>;

/** A place that could be looked at, with the runs that it has. */
interface Looked {
  readonly place: CopyPlace;
  readonly runs: readonly RunId[];
}

/**
 * The nearest copy of a run that `prove` finds nothing against: the store, then the export, then the offsites as the
 * inventory has them. The newest run is the newest of all places; where none of them has it whole, an older one is not
 * taken for it. Throws what `prove` throws of the run itself, such as `private-key`; what is wrong with the only copy, or
 * with the first of several.
 */
export async function nearestCopy<Proven>(
  host: HostConfig,
  wish: CopyWish,
  prove: Prove<Proven>,
): Promise<ChosenCopy<Proven>> {
  if (wish.places) return await firstCopy(wish.places, wish, prove);
  const open = wish.open ?? ((name: string) => openPlace(host, name, wish.signal));
  if (wish.from !== undefined) return await onlyCopy(await open(wish.from), wish, prove);
  const names = ['store', 'export', ...host.offsite.map(({ name }) => `offsite:${name}`)];
  const looked = await Promise.all(names.map((name) => look(name, open)));
  const close = (but?: CopyPlace) => {
    for (const each of looked) if ('place' in each && each.place !== but) each.place.close();
  };
  try {
    const chosen = await choose(names, looked, wish, prove);
    close(chosen.place);
    return chosen;
  } catch (error) {
    close();
    throw error;
  }
}

async function onlyCopy<Proven>(
  place: CopyPlace,
  { run: wanted }: CopyWish,
  prove: Prove<Proven>,
): Promise<ChosenCopy<Proven>> {
  try {
    const { run, reader } = await openRunAt(place, wanted);
    return { place, proven: await prove(run, reader, place), considered: [{ place: place.name, verdict: 'taken' }] };
  } catch (error) {
    place.close();
    throw error;
  }
}

async function firstCopy<Proven>(
  places: readonly CopyPlace[],
  wish: CopyWish,
  prove: Prove<Proven>,
): Promise<ChosenCopy<Proven>> {
  const considered: Considered[] = [];
  const failures: CoffreError[] = [];
  try {
    for (const [index, place] of places.entries()) {
      let matters = OF_ONE_PLACE;
      try {
        const { run, reader } = await openRunAt(place, wish.run);
        matters = OF_ONE_COPY;
        const proven = await prove(run, reader, place);
        const farther = places.slice(index + 1).map(({ name }) => ({ place: name, verdict: 'is farther away' }));
        for (const each of places) if (each !== place) each.close();
        return { place, proven, considered: [...considered, { place: place.name, verdict: 'taken' }, ...farther] };
      } catch (thrown) {
        const error = asCoffreError(thrown);
        if (places.length === 1 || !matters.includes(error.code)) throw thrown;
        failures.push(error);
        considered.push({ place: place.name, verdict: error.message });
        wish.reject(place.name, error);
      }
    }
  } catch (error) {
    for (const each of places) each.close();
    throw error;
  }
  for (const each of places) each.close();
  throw noneOf(wish.run, considered, failures);
}

async function look(name: string, open: (name: string) => Promise<CopyPlace>): Promise<Looked | CoffreError> {
  let place: CopyPlace | undefined;
  try {
    place = await open(name);
    return { place, runs: await place.listRuns() };
  } catch (thrown) {
    place?.close();
    const error = asCoffreError(thrown);
    if (!OF_ONE_PLACE.includes(error.code)) throw error;
    return error;
  }
}

async function choose<Proven>(
  names: readonly string[],
  looked: readonly (Looked | CoffreError)[],
  { run: wanted, reject }: CopyWish,
  prove: Prove<Proven>,
): Promise<ChosenCopy<Proven>> {
  const run =
    wanted ??
    looked
      .flatMap((each) => ('runs' in each ? each.runs : []))
      .sort()
      .at(-1);
  const verdicts = new Map<string, string>();
  const failures: CoffreError[] = [];
  const turnDown = (name: string, error: CoffreError) => {
    verdicts.set(name, error.message);
    failures.push(error);
    reject(name, error);
  };
  let chosen: { readonly place: CopyPlace; readonly proven: Proven } | undefined;
  for (const [index, each] of looked.entries()) {
    const name = names[index] ?? '';
    if (chosen) verdicts.set(name, verdictOfFarther(each, run));
    else if (!('place' in each)) turnDown(name, each);
    else if (!run || !each.runs.includes(run)) verdicts.set(name, run ? `does not have ${run}` : 'has no run');
    else {
      try {
        const { reader } = await openRunAt(each.place, run);
        chosen = { place: each.place, proven: await prove(run, reader, each.place) };
        verdicts.set(name, 'taken');
      } catch (thrown) {
        const error = asCoffreError(thrown);
        if (!OF_ONE_COPY.includes(error.code)) throw thrown;
        turnDown(name, error);
      }
    }
  }
  const considered = names.map((place) => ({ place, verdict: verdicts.get(place) ?? '' }));
  if (chosen) return { ...chosen, considered };
  throw noneOf(run, considered, failures);
}

function verdictOfFarther(looked: Looked | CoffreError, run: RunId | undefined): string {
  if (!('place' in looked)) return looked.message;
  return run && looked.runs.includes(run) ? 'has it too, and is farther away' : `does not have ${run}`;
}

function noneOf(
  run: RunId | undefined,
  considered: readonly Considered[],
  failures: readonly CoffreError[],
): CoffreError {
  const findings = considered.map(({ place, verdict }) => `${place}: ${verdict}`);
  const worst = failures.find(({ code }) => code === 'verification-failed') ?? failures[0];
  const what = run ? `the run ${run}` : 'any run';
  if (worst) {
    return new CoffreError(worst.code, `cannot use any copy of ${what}: ${worst.message}`, {
      hint: run ? `${sharedHint(failures)}take another run, named with --run: npx zx tasks/list.ts` : worst.hint,
      findings,
      cause: worst,
    });
  }
  return new CoffreError('not-found', `cannot find ${what} in ${considered.map(({ place }) => place).join(', ')}`, {
    hint: 'see what is there: npx zx tasks/list.ts --from PLACE',
    findings,
  });
}

/** What mends all copies at once, as a line that the inventory lacks does; empty where each has a trouble of its own. */
function sharedHint(failures: readonly CoffreError[]): string {
  const [first, ...rest] = failures.map(({ hint }) => hint);
  return first === undefined || rest.length === 0 || rest.some((hint) => hint !== first) ? '' : `${first}; or `;
}
