/*
 * The fault suite: `npm run faults -- --count N --seed S`. Each fault befalls one night of a small real world; what must hold
 * is looked at once the fault is gone, and again after the next night. The README says what that is.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { injected, lineOf, runCampaign, tableOf } from './campaign.ts';
import { drawFaults } from './draw.ts';
import { describeMoment } from './fault.ts';
import { END, PHASES, START } from './fault-world.ts';
import { KINDS } from './kinds/kinds.ts';
import { makeSurroundings, withinNamespaces } from './surroundings.ts';

const USAGE = `usage: npm run faults -- [--count N] [--seed S] [--kind K]… [--phase P] [--only INDEX] [--worlds N] [--thorough] [--keep FOLDER] [--list]`;
const ALL_PHASES = [START, ...PHASES, END];
const THOROUGH_EVERY = 10;

const words = process.argv.slice(process.argv.findIndex((word) => basename(word) === 'faults.ts') + 1);
const loader = new URL('../../lib/system/typescript.mjs', import.meta.url).href;
const again = [process.execPath, `--import=${loader}`, fileURLToPath(import.meta.url), ...words];
process.exitCode = withinNamespaces(again) ?? (await main());

async function main(): Promise<number> {
  const options = read(words);
  if (options === undefined) return 2;
  const { values } = options;
  if (values.list) {
    process.stdout.write(
      `${KINDS.map(({ name, phases = ALL_PHASES }) => `${name.padEnd(26)} ${phases.join(' ')}`).join('\n')}\n`,
    );
    return 0;
  }
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  const seed = values.seed === undefined ? randomInt(1_000_000) : Number(values.seed);
  const count = Number(values.count);
  const surroundings = await makeSurroundings();
  try {
    for (const missing of surroundings.missing) say(`not here: ${missing}`);
    const named = values.kind ?? KINDS.map(({ name }) => name);
    const kinds = KINDS.filter((kind) => named.includes(kind.name) && kind.isPossible(surroundings));
    const wish = { seed, count, kinds, ...(values.phase === undefined ? {} : { phase: values.phase }) };
    const worlds = Math.min(Number(values.worlds), count);
    say(`seed ${seed}, ${count} faults of ${kinds.length} kinds, ${worlds} worlds at a time`);
    if (drawFaults(wish).length === 0) {
      say('none of these kinds can be tried out here, or has anything to hit in this phase');
      return 2;
    }
    const from = performance.now();
    const outcomes = await runCampaign(surroundings, {
      ...wish,
      worlds,
      thoroughEvery: values.thorough ? 1 : THOROUGH_EVERY,
      ...(values.only === undefined ? {} : { only: Number(values.only) }),
      ...(values.keep === undefined ? {} : { keep: resolve(values.keep) }),
      signal: interruption.signal,
      tell: (outcome, tookMs) => say(`${lineOf(outcome)}  [${(tookMs / 1000).toFixed(1)} s]`),
    });
    const hit = injected(outcomes);
    const survived = hit.filter(({ findings }) => findings.length === 0);
    say(`\n${tableOf(hit, ALL_PHASES)}\n`);
    for (const { fault, moment } of hit.filter((each) => !survived.includes(each)))
      say(
        `once more: npm run faults -- --seed ${seed} --count ${count} --only ${fault.index}   (${fault.kind.name}, ${moment ? describeMoment(moment) : ''})`,
      );
    say(
      `seed ${seed}, ${((performance.now() - from) / 60_000).toFixed(1)} minutes; ${outcomes.length - hit.length} found nothing to hit and do not count`,
    );
    say(`${survived.length} survived of ${hit.length}`);
    return survived.length === hit.length && hit.length > 0 ? 0 : 1;
  } finally {
    surroundings.remove();
  }
}

function read(words: readonly string[]) {
  try {
    const options = {
      count: { type: 'string', default: '100' },
      seed: { type: 'string' },
      kind: { type: 'string', multiple: true },
      phase: { type: 'string' },
      only: { type: 'string' },
      worlds: { type: 'string', default: `${Math.max(2, availableParallelism())}` },
      thorough: { type: 'boolean', default: false },
      keep: { type: 'string' },
      list: { type: 'boolean', default: false },
    } as const;
    const parsed = parseArgs({ args: [...words], options });
    for (const name of ['count', 'seed', 'only', 'worlds'] as const) {
      const text = parsed.values[name];
      if (text !== undefined && !/^\d+$/.test(text))
        throw new Error(`cannot read --${name} ${text}: a number is wanted`);
    }
    const unknown = parsed.values.kind?.find((name) => !KINDS.some((kind) => kind.name === name));
    if (unknown !== undefined) throw new Error(`there is no kind ${unknown}: see --list`);
    return parsed;
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : error}\nhint: ${USAGE}\n`);
    return undefined;
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
