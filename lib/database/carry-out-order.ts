import type { AccountOrder } from '../model/account-order.ts';
import { CoffreError } from '../model/error.ts';
import { exclusively } from '../system/exclusive.ts';
import { accountName } from './account-name.ts';
import { assertNotReserved, assertOurs, isOurs, type Ownership } from './account-owner.ts';
import {
  type AccountRecord,
  accountRecordPath,
  readAccountRecord,
  removeAccountRecord,
  writeAccountRecord,
} from './account-record.ts';
import { execute } from './client.ts';
import type { Connection } from './connection.ts';
import { type AccountPlan, OTHERS_MAY_NEED, planAccount, type WantedAccount } from './plan-account.ts';
import { readAccount, type ServerAccount } from './read-account.ts';
import { readOnlyServer, replicaState } from './replica-state.ts';

/** Where an account is made, and what remembers it. */
export interface AccountPlace {
  readonly admin: Connection;
  /** Folder with the state of the host. */
  readonly state: string;
  /** Hashes by which the account is known as ours, beside the wanted one. */
  readonly knownHashes: readonly string[];
  /** Whether it is for this server alone, and no replica of it has to get it. */
  readonly isOwn: boolean;
}

/** What an order changes on its server, and in the record; undefined when all is so. Throws `refused` for what is not ours, and on a read-only server. */
export async function planOrder(wanted: WantedAccount, place: AccountPlace): Promise<AccountPlan | undefined> {
  const { admin, state } = place;
  const { asking, readOnly, account: actual } = await readAccount(admin, wanted);
  assertNotReserved(asking, wanted);
  const record = await readAccountRecord(state, wanted);
  const ownership = ownershipOf(wanted, place, record);
  if (actual && wanted.want === 'present') assertOurs(wanted, actual, ownership);
  const plan =
    wanted.want === 'present'
      ? planPresence(wanted, actual, record, accountRecordPath(state, wanted))
      : planRemoval(wanted, actual, ownership, accountRecordPath(state, wanted));
  if (readOnly && plan && plan.statements.length > 0) throw await readOnlyServer(admin, wanted);
  return plan;
}

function planPresence(
  wanted: WantedAccount,
  actual: ServerAccount | undefined,
  record: AccountRecord | undefined,
  recordPath: string,
): AccountPlan | undefined {
  const shared = record?.neededBy.some((host) => host !== wanted.host) ?? false;
  const plan = planAccount(wanted, actual, shared ? OTHERS_MAY_NEED : []);
  if (record?.made && record.formerHash === undefined && record.neededBy.includes(wanted.host)) return plan;
  return { action: 'change', statements: [], ...plan, lines: [...(plan?.lines ?? []), `+record in ${recordPath}`] };
}

function ownershipOf(
  wanted: WantedAccount,
  { knownHashes }: AccountPlace,
  record: AccountRecord | undefined,
): Ownership {
  const hash = wanted.login === 'password' && wanted.hash !== null ? [wanted.hash] : [];
  return { login: wanted.login, hashes: [...hash, ...knownHashes], record };
}

/** An account that others need stays, and so does one that is not ours: then at most the record goes. */
function planRemoval(
  wanted: WantedAccount,
  actual: ServerAccount | undefined,
  ownership: Ownership,
  recordPath: string,
): AccountPlan | undefined {
  const { record } = ownership;
  const others = record?.neededBy.filter((host) => host !== wanted.host) ?? [];
  const needed = record?.neededBy.includes(wanted.host) ?? false;
  if (others.length > 0) {
    const lines = [`-needed by ${wanted.host}`, ` needed by ${others.join(', ')}`];
    return needed ? { action: 'change', lines, statements: [] } : undefined;
  }
  const plan = actual && isOurs(actual, ownership) ? planAccount(wanted, actual) : undefined;
  if (!record) return plan;
  return { action: 'remove', statements: [], ...plan, lines: [...(plan?.lines ?? []), `-record in ${recordPath}`] };
}

/**
 * Carries out an order, and looks again. Two that do it at once meet in the server: what one of them finds done by the
 * other is looked at again once. Killed in the middle it leaves an account that is still known as ours. Throws
 * what `planOrder` throws.
 */
export async function carryOutOrder(order: AccountOrder, place: AccountPlace): Promise<void> {
  for (let round = 1; ; round += 1) {
    const plan = await planOrder(order, place);
    const statements = plan?.statements ?? [];
    if (statements.length === 0) break;
    if (round > ROUNDS) {
      throw new CoffreError('refused', `cannot bring the account ${accountName(order)} to what it should be`, {
        hint: `look at: SHOW GRANTS FOR ${accountName(order)}`,
        findings: plan?.lines ?? [],
      });
    }
    try {
      await execute(place.admin, `${[...(await unlogged(place)), ...statements].join(';\n')};\n`);
    } catch (error) {
      if (round === ROUNDS) throw error;
    }
  }
  await remember(order, place.state);
}

/** What a server that follows another writes into its own log is there nowhere else, and no replica may ever follow it again. */
async function unlogged({ admin, isOwn }: AccountPlace): Promise<readonly string[]> {
  return isOwn && (await replicaState(admin)).primaries.length > 0 ? ['SET SESSION sql_log_bin = 0'] : [];
}

const ROUNDS = 3;

/** Long enough for whoever else writes a record of this host: that takes milliseconds. */
const RECORD_WAIT_MS = 30_000;

/** Several hosts may have their account made at once, and share one: none may lose what another has written. */
async function remember({ user, from, host, want }: AccountOrder, state: string): Promise<void> {
  if (want !== 'present' && !(await readAccountRecord(state, { user, from }))) return;
  await exclusively(state, 'accounts', RECORD_WAIT_MS, async () => {
    const record = await readAccountRecord(state, { user, from });
    const others = record?.neededBy.filter((each) => each !== host) ?? [];
    if (want === 'present')
      await writeAccountRecord(state, { user, from, made: true, neededBy: [...others, host].sort() });
    else if (record && others.length > 0) await writeAccountRecord(state, { ...record, neededBy: others });
    else await removeAccountRecord(state, { user, from });
  });
}
