import { formatTable } from '../../lib/report/table.ts';
import { median } from './comparison.ts';

export const IDLE = 'idle';

/** What the load did while one contestant took backups, or while nobody did. */
export interface Turn {
  /** Of the contestant, or `idle`. */
  readonly name: string;
  readonly round: number;
  readonly tps: number;
  readonly p95Ms: number;
  /** The mean of the turn's backups; null when there was none. */
  readonly backupMs: number | null;
  /** Of a writer of one row. */
  readonly longestWaitMs: number;
  /** How long coffre held commits back at most, as it says itself; null for others. */
  readonly heldMs: number | null;
}

const LIMIT_MS = 1000;

/** A row for each name, in the order of the first round: medians, but the longest of the waits. */
export function formatTurns(turns: readonly Turn[]): string {
  const names = [...new Set(turns.map(({ name }) => name))];
  const rows = names.map((name) => {
    const own = turns.filter((turn) => turn.name === name);
    const middle = (pick: (turn: Turn) => number) => median(own.map(pick));
    const held = heldOf(own);
    const [backupMs, p95Ms] = [middle(({ backupMs }) => backupMs ?? 0), middle(({ p95Ms }) => p95Ms)];
    return [
      name,
      name === IDLE ? '' : (backupMs / 1000).toFixed(1),
      middle(({ tps }) => tps).toFixed(0),
      name === IDLE ? '' : ofIdle(turns, name).toFixed(2),
      name === IDLE ? '' : lost(turns, name).toFixed(0),
      p95Ms.toFixed(1),
      Math.max(...own.map(({ longestWaitMs }) => longestWaitMs)).toFixed(0),
      held === null ? '' : `${held}`,
    ];
  });
  const head = ['', 'backup s', 'tps', 'of idle', 'lost', '95 % ms', 'longest wait ms', 'lock held ms'];
  return formatTable(head, rows);
}

/** Whether what is asked of coffre holds, and a sentence for each. What was not measured is not met. */
export function turnsVerdict(turns: readonly Turn[]): { readonly met: boolean; readonly text: string } {
  const coffre = turns.filter(({ name }) => name === 'coffre');
  if (coffre.length === 0) return { met: false, text: 'NOT MEASURED' };
  const held = heldOf(coffre) ?? Number.POSITIVE_INFINITY;
  const wait = Math.max(...coffre.map(({ longestWaitMs }) => longestWaitMs));
  const [own, plain] = [ofIdle(turns, 'coffre'), ofIdle(turns, 'dump')];
  const judged = [
    { ok: held <= LIMIT_MS, text: `the lock was held for ${held} ms at most` },
    { ok: wait <= LIMIT_MS, text: `no writer waited longer than ${wait.toFixed(0)} ms` },
    {
      ok: own >= plain,
      text: `the load kept ${percent(own)} of its pace, beside plain mariadb-dump ${percent(plain)}`,
    },
  ];
  return {
    met: judged.every(({ ok }) => ok),
    text: judged.map(({ ok, text }) => `${ok ? 'met' : 'MISSED'}: ${text}`).join('\n'),
  };
}

/** The pace under a contestant's backups as a part of that in the same round's idle turn, median of the rounds. */
function ofIdle(turns: readonly Turn[], name: string): number {
  return median(paired(turns, name).map(({ turn, idle }) => turn.tps / idle.tps));
}

/** Transactions that one backup has cost. */
function lost(turns: readonly Turn[], name: string): number {
  return median(paired(turns, name).map(({ turn, idle }) => ((idle.tps - turn.tps) * (turn.backupMs ?? 0)) / 1000));
}

function paired(turns: readonly Turn[], name: string): { readonly turn: Turn; readonly idle: Turn }[] {
  return turns.flatMap((turn) => {
    const idle = turns.find((each) => each.name === IDLE && each.round === turn.round);
    return turn.name === name && idle ? [{ turn, idle }] : [];
  });
}

function heldOf(turns: readonly Turn[]): number | null {
  const held = turns.flatMap(({ heldMs }) => (heldMs === null ? [] : [heldMs]));
  return held.length > 0 ? Math.max(...held) : null;
}

function percent(part: number): string {
  return Number.isNaN(part) ? '(not measured)' : `${(part * 100).toFixed(0)} %`;
}
