import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type * as z from 'zod';
import { readOutbox } from '../audit/outbox.ts';
import type { DrillRecord } from '../model/drill-record.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import { asCoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import { DrillerMemory, HostMemory } from '../model/host-memory.ts';
import type { HostConfig } from '../model/inventory.ts';
import { startOfRun } from '../model/run-id.ts';
import { deadlineAfter } from '../model/schedule.ts';
import { drillMetrics, type HostNow, hostMetrics } from '../report/host-metrics.ts';
import { formatMetrics } from '../report/prometheus.ts';
import { freeBytes } from '../storage/store-guard.ts';
import { exclusively } from '../system/exclusive.ts';
import { readIfPresent, writeDurably } from '../system/files.ts';
import { waitingRuns } from './deliver-to-store.ts';
import { readDebts } from './owed.ts';

/** Files of the textfile collector, which reads every `*.prom`. A machine may be a host and drill. */
export const HOST_TEXTFILE = 'coffre.prom';
export const DRILLER_TEXTFILE = 'coffre-drill.prom';

const WAIT_MS = 10_000;
const READABLE = 0o644;

/** Remembers what a task of a host has come to, and writes its metrics. Never throws: what could not be written is a warning. */
export async function remember(host: HostConfig, change: HostMemory, emit: Emit): Promise<void> {
  await quietly(host.name, emit, async () => {
    await inMemory(
      host.state.path,
      HostMemory,
      {},
      (known) => ({ ...known, ...change }),
      async (memory) => {
        const { metrics } = host;
        if (metrics)
          await writeTextfile(
            join(metrics.textfile, HOST_TEXTFILE),
            formatMetrics(hostMetrics(memory, await nowAt(host, memory))),
          );
      },
    );
  });
}

/** The same of the drill of one host. */
export async function rememberDrill(driller: DrillerConfig, record: DrillRecord, emit: Emit): Promise<void> {
  const { host, finishedAt, outcome, run, proof } = record;
  const update = ({ drills }: DrillerMemory): DrillerMemory => {
    const proven = proof && run !== null ? { finishedAt, run, recoveryMs: proof.recoveryMs } : drills[host]?.proven;
    return { drills: { ...drills, [host]: { latest: { finishedAt, outcome }, ...(proven ? { proven } : {}) } } };
  };
  await quietly(host, emit, async () => {
    await inMemory(driller.state.path, DrillerMemory, { drills: {} }, update, async (memory) => {
      const { metrics } = driller;
      if (metrics) await writeTextfile(join(metrics.textfile, DRILLER_TEXTFILE), formatMetrics(drillMetrics(memory)));
    });
  });
}

/** What a host remembers; nothing where that cannot be read. */
export async function readMemory(stateFolder: string): Promise<HostMemory> {
  return await known(stateFolder, HostMemory, {});
}

async function known<T>(stateFolder: string, schema: z.ZodType<T>, none: T): Promise<T> {
  const text = await readIfPresent(pathOf(stateFolder)).catch(() => undefined);
  try {
    return schema.parse(JSON.parse(text?.toString('utf8') ?? ''));
  } catch {
    return none;
  }
}

async function inMemory<T>(
  stateFolder: string,
  schema: z.ZodType<T>,
  none: T,
  update: (known: T) => T,
  then: (memory: T) => Promise<void>,
): Promise<void> {
  await exclusively(stateFolder, 'memory', WAIT_MS, async () => {
    const memory = update(await known(stateFolder, schema, none));
    await writeDurably(pathOf(stateFolder), `${JSON.stringify(memory)}\n`, 0o600);
    await then(memory);
  });
}

const pathOf = (stateFolder: string) => join(stateFolder, 'memory.json');

/** Whoever collects reads it as another user, and never half of it. */
export async function writeTextfile(path: string, text: string): Promise<void> {
  await writeDurably(path, text, READABLE);
  await chmod(path, READABLE); // the umask may have taken bits away
}

async function nowAt(host: HostConfig, { succeeded }: HostMemory): Promise<HostNow> {
  const { store, export: exported } = host;
  const [debts, waiting, records] = await Promise.all([
    readDebts(host),
    waitingRuns(host),
    readOutbox(host.state.path),
  ]);
  const toOffsites = host.offsite.map(
    ({ name }) => [name, debts.filter(({ offsite }) => offsite === name).length] as const,
  );
  const free = async (place: string, path: string) => {
    const bytes = await freeBytes(path).catch(() => undefined);
    return bytes === undefined ? [] : [[place, bytes] as const];
  };
  return {
    host: host.name,
    owed: { store: waiting.length, ...Object.fromEntries(toOffsites), audit: records.length },
    freeBytes: Object.fromEntries([...(await free('store', store.path)), ...(await free('export', exported.path))]),
    deadline: succeeded ? deadlineAfter(host, startOfRun(succeeded.run)) : null,
  };
}

async function quietly(subject: string, emit: Emit, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const { message, hint } = asCoffreError(error);
    const text = `its metrics are not written: ${message}`;
    emit({ kind: 'warning', subject, text, hint: hint ?? 'look at metrics.textfile in the inventory' });
  }
}
