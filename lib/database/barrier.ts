import type { SnapshotRecord } from '../model/manifest.ts';
import type { Session } from './session.ts';

export type BarrierKind = Exclude<SnapshotRecord['barrier'], 'single-dump'>;

/**
 * Holds back commits for as long as it stands. First `holdSchema`, which blocks only changes of tables and lets
 * writers go on, so that objects can be counted; then `holdCommits`, for the moment in which every dump starts its
 * transaction. The server releases both when the session goes.
 *
 * `backup-stage` waits for no running query. `read-lock` is for servers without BACKUP STAGE (before 10.4.1): a long
 * UPDATE makes it wait, and all other writers behind it, which `lock_wait_timeout` limits.
 */
export class Barrier {
  readonly kind: BarrierKind;
  readonly #session: Session;
  readonly #waitMs: number;

  constructor(session: Session, kind: BarrierKind, waitMs: number) {
    this.#session = session;
    this.kind = kind;
    this.#waitMs = waitMs;
  }

  /** Throws `dump-failed` when another session keeps a lock for longer than the limit. */
  async holdSchema(): Promise<void> {
    await this.#session.execute(`SET SESSION lock_wait_timeout = ${Math.ceil(this.#waitMs / 1000)}`);
    if (this.kind === 'read-lock') return;
    for (const stage of ['START', 'FLUSH', 'BLOCK_DDL']) await this.#locked(`BACKUP STAGE ${stage}`);
  }

  async holdCommits(): Promise<void> {
    await this.#locked(this.kind === 'read-lock' ? 'FLUSH TABLES WITH READ LOCK' : 'BACKUP STAGE BLOCK_COMMIT');
  }

  /** Fails when the lock was lost meanwhile, because then the dumps may have started at different points. */
  async release(): Promise<void> {
    await this.#session.execute(this.kind === 'read-lock' ? 'UNLOCK TABLES' : 'BACKUP STAGE END');
  }

  async #locked(sql: string): Promise<void> {
    await this.#session.execute(sql, this.#waitMs + 15_000);
  }
}

/** BACKUP STAGE is there from 10.4.1 on. */
export function barrierFor(serverVersion: string): BarrierKind {
  const [major = 0, minor = 0] = serverVersion.split('.').map((part) => Number.parseInt(part, 10));
  return major > 10 || (major === 10 && minor > 4) ? 'backup-stage' : 'read-lock';
}
