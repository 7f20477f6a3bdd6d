import type { Connection } from '../database/connection.ts';
import { inspectMovable, type Movable } from '../database/movable.ts';
import { readServerAccounts, type ServerAccounts } from '../database/server-accounts.ts';
import { inspectTarget, type TargetFacts } from '../database/target.ts';
import { readTargetTraits, type TargetTraits } from '../database/target-traits.ts';
import { DatabaseName } from '../model/names.ts';
import { freeSpace } from '../system/files.ts';

/** All that a plan of a restore has to know of the server. */
export interface RestoreTargetFacts
  extends Pick<TargetFacts, 'maxAllowedPacketBytes' | 'storedCode' | 'leftTrusting' | 'sequences'> {
  readonly present: ReadonlySet<string>;
  readonly traits: TargetTraits;
  readonly movable: readonly Movable[];
  readonly freeBytes: number | null;
  readonly accountsThere: ServerAccounts;
}

/** `overwrite`: databases that somebody means to overwrite; those that are there are looked at more closely. */
export async function inspectRestoreTarget(
  target: Connection,
  overwrite: readonly string[],
): Promise<RestoreTargetFacts> {
  const [{ databases: present, ...facts }, traits] = await Promise.all([
    inspectTarget(target),
    readTargetTraits(target),
  ]);
  const fold = (name: string) => (traits.foldsNames ? name.toLowerCase() : name);
  const wanted = new Set(overwrite.map(fold));
  const there = [...present].filter((name) => wanted.has(fold(name))).map((name) => DatabaseName.parse(name));
  return {
    ...facts,
    present,
    traits,
    accountsThere: await readServerAccounts(target),
    movable: await inspectMovable(target, there),
    // Through a socket it is this machine's, as a rule, and its folder is at the same path.
    freeBytes: target.server.kind === 'socket' ? ((await freeSpace(traits.dataFolder)) ?? null) : null,
  };
}
