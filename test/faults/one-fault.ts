import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asCoffreError } from '../../lib/model/error.ts';
import { sleep } from '../../lib/system/clock.ts';
import type { DrawnFault } from './draw.ts';
import { describeMoment, type Moment } from './fault.ts';
import { END, type FaultWorld, START } from './fault-world.ts';
import { checkFinalNames, checkRun, type Place, runsIn } from './invariants/copies.ts';
import {
  checkProcesses,
  checkRepository,
  checkState,
  checkTemporary,
  checkTold,
  checkUnfinished,
} from './invariants/leftovers.ts';
import { checkDone, checkRecord, checkValidates } from './invariants/record.ts';
import { checkRestores } from './invariants/restores.ts';
import { checkDevices, checkSecrets } from './invariants/secrets.ts';
import type { Night, NightEnd } from './night.ts';

export interface Outcome {
  readonly fault: DrawnFault;
  /** The moment that had something to hit; undefined when none had. */
  readonly moment: Moment | undefined;
  /** How the night with the fault ended, and the next one: exit code, signal, or error. */
  readonly ends: readonly string[];
  readonly findings: readonly string[];
  /** What both nights said, for whoever looks into a finding. */
  readonly said: string;
  /** Whether it was the suite that failed. */
  readonly isBroken?: boolean;
}

/** Lets a fault befall a night, takes it away, and looks at what must hold then, and after the next night. */
export async function carryOut(world: FaultWorld, fault: DrawnFault, thorough: boolean): Promise<Outcome> {
  for (const moment of fault.moments) {
    await world.reset();
    const sinceMs = Date.now();
    const { end, hit } = await nightWith(world, fault, moment);
    if (!hit) continue;
    const findings = await afterFault(world, end, sinceMs);
    if (thorough) findings.push(...(await checkRestores(world, world.base.at(-1) ?? '', fault.random)));
    const next = await world.startNight().ended;
    findings.push(...(await afterNext(world, fault.kind.rightRules ?? [], next)));
    if (thorough) {
      findings.push(...(await checkDevices(world)));
      const newest = (await runsIn(world.host.store.path)).at(-1) ?? '';
      if (findings.length === 0) findings.push(...(await checkRestores(world, newest, fault.random)));
    }
    const said = `${end.said}\n----- the next night -----\n${next.said}`;
    return { fault, moment, ends: [endOf(end), endOf(next)], findings, said };
  }
  return { fault, moment: undefined, ends: [], findings: [], said: '' };
}

async function nightWith(world: FaultWorld, { kind, random }: DrawnFault, moment: Moment) {
  const undos: (() => Promise<void> | void)[] = [];
  await writeFile(world.timeFile, '+0\n');
  const night = world.startNight(kind.shiftsTime ? 'shifted' : undefined);
  let end: NightEnd;
  let hit = false;
  try {
    await comesTo(moment, night, world);
    hit = night.isAlive() && (await kind.strike({ world, night, random, heal: (undo) => undos.push(undo) }));
  } finally {
    end = await night.ended;
    for (const undo of undos.reverse()) await undo();
  }
  return { end, hit };
}

async function comesTo(moment: Moment, night: Night, world: FaultWorld): Promise<void> {
  if (moment.kind === 'boundary') return night.until(moment.event, moment.phase);
  if (moment.phase === END) await night.until('phase-ended', 'publish');
  else if (moment.phase !== START) await night.until('phase-started', moment.phase);
  await Promise.race([sleep((world.usual.get(moment.phase) ?? 0) * moment.part), night.ended]);
}

export function placesOf({ host, allowedSigners, at }: FaultWorld) {
  const place = (path: string): Place => ({ path, host: host.name, allowedSigners });
  return {
    store: place(host.store.path),
    export: place(host.export.path),
    offsite: place(at('offsite/backups/db1')),
  };
}

/** What must hold as soon as the fault is gone, before anybody has done anything. */
export async function afterFault(world: FaultWorld, end: NightEnd, sinceMs: number): Promise<string[]> {
  const places = placesOf(world);
  const newest = world.base.at(-1) ?? '';
  const found = [...checkProcesses(end), ...checkTold(end)];
  for (const place of Object.values(places)) {
    found.push(...(await checkFinalNames(place)));
    if (!(await runsIn(place.path)).includes(newest)) found.push(...(await checkRun(place, newest)));
  }
  const lost = world.base.filter((run) => !readdirSync(places.store.path).includes(run));
  found.push(...lost.map((run) => `${run} is gone from the store`));
  found.push(...(await checkDone(end, places, world.world.auditRepository)));
  found.push(...(await checkSecrets(world, sinceMs)));
  return found;
}

/** What must hold after the next night, which got no help. */
export async function afterNext(world: FaultWorld, rightRules: readonly string[], next: NightEnd): Promise<string[]> {
  const { host } = world;
  const places = placesOf(world);
  const found = [...checkProcesses(next)];
  if (next.exitCode !== 0) found.push(`the next night ended with ${endOf(next)}`);
  found.push(...(await checkDone(next, places, world.world.auditRepository)));
  for (const place of Object.values(places)) found.push(...(await checkFinalNames(place)));
  const stored = await runsIn(places.store.path);
  const same = async (path: string, what: string) => {
    const there = await runsIn(path);
    if (there.join() !== stored.join()) found.push(`${what}: ${there.join(' ')}; the store has ${stored.join(' ')}`);
  };
  await same(places.offsite.path, 'the offsite has');
  await same(host.keys.path, 'wrapped keys are kept of');
  found.push(...checkUnfinished([...Object.values(places).map(({ path }) => path), host.keys.path]));
  found.push(...checkState(host.state.path), ...checkTemporary(world.at('tmp')));
  found.push(...checkRepository(world.world.auditRepository));
  found.push(...(await checkRecord(host.state.path, places.store.path, world.world.auditRepository)));
  found.push(...(await checkValidates(world, rightRules)));
  return found;
}

/** A night in a word or two. */
export function endOf({ exitCode, signal, result }: NightEnd): string {
  const error = result?.error as { readonly code?: string; readonly message?: string } | undefined;
  const owed = (result?.data as { readonly owed?: readonly { readonly what: string }[] } | undefined)?.owed ?? [];
  const told = exitCode === 1 ? `${error?.code}: ${error?.message}` : error?.code;
  const more = told ?? owed.map(({ what }) => `owes ${what}`).join(', ');
  return `${exitCode ?? signal}${more === '' ? '' : ` (${more})`}`;
}

export { describeMoment };

/** Keeps what is there of a fault that did not survive, for whoever looks into it. */
export async function keepWorld(world: FaultWorld, { fault, findings, said }: Outcome, folder: string): Promise<void> {
  const kept = join(folder, `fault-${fault.index}`);
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  await writeFile(join(kept, 'findings.txt'), `${findings.join('\n')}\n`);
  await writeFile(join(kept, 'said.txt'), said);
  const listing = (path: string) => (readdirSync(path, { recursive: true }) as string[]).sort().join('\n');
  const places = ['host/mnt', 'host/export', 'host/.dec', 'host/var', 'offsite/backups', 'tmp'];
  const text = places.map((name) => `${name}:\n${listing(world.at(name))}\n`).join('\n');
  await writeFile(join(kept, 'files.txt'), text).catch((error: unknown) => {
    throw new Error(`cannot keep ${kept}: ${asCoffreError(error).message}`);
  });
}
