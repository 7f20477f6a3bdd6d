import { signingKeyPath } from '../audit/signing-key.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { OffsiteName } from '../model/names.ts';
import { startOfRun } from '../model/run-id.ts';
import type { VerifyRecord } from '../model/verify-record.ts';
import type { Clock } from '../system/clock.ts';
import { quotePosix } from '../system/command.ts';
import { exists } from '../system/files.ts';
import { assertCanSign } from './assert-can-sign.ts';
import { claimRun } from './claim-run.ts';
import { concludeRecord, publishRecords, type RecordDraft } from './conclude-record.ts';
import { afterLook } from './memory-of-night.ts';
import { remember } from './remember.ts';
import { tellTampering } from './tell-tampering.ts';
import { type CopyVerdict, type PlaceVerdict, type VerifyOrder, verify } from './verify.ts';

export interface PublishedVerification {
  readonly places: readonly PlaceVerdict[];
  /** What keeps what was found from being in the audit repository; null where it is there. It was told already. */
  readonly trouble: CoffreError | null;
}

/**
 * Verifies on a host its own copies, and puts on record, signed by its key, what was found. Throws, before anything is read,
 * `refused` where this is not that host, and `usage` for what is no place of the host; then what `verify` throws.
 */
export async function publishVerification(order: VerifyOrder, clock: Clock): Promise<PublishedVerification> {
  const host = await ownHost(order);
  const name = await claimRun(host.state.path, clock, { kind: 'verify' });
  const places = await verify(order);
  await remember(host, afterLook(places, clock.now()), order.emit);
  const draft = { ...draftOf(places, order), startedAt: startOfRun(name).toISOString() };
  return { places, trouble: await putOnRecord(host, draft, order, clock) };
}

async function ownHost({ hosts, from, inventory }: VerifyOrder): Promise<HostConfig> {
  const [host, ...others] = hosts;
  if (!host || others.length > 0) {
    throw new CoffreError('usage', 'cannot put on record what is found of several hosts: each signs for itself alone', {
      hint: 'run it on each host, such as: npx zx tasks/verify.ts db1 --publish',
    });
  }
  const foreign = from.find((place) => !/^(store|export|offsite:.+)$/.test(place));
  if (foreign !== undefined) {
    throw new CoffreError('usage', `cannot put on record what is found in ${foreign}: it is no place of ${host.name}`, {
      hint: 'leave out --publish, or name store, export or offsite:<name>',
    });
  }
  const { ssh, agent } = host;
  if (!(await exists(signingKeyPath(host.state.path)))) {
    const there = `${agent.path}/current/coffre verify --publish`;
    const remote = ssh
      ? `ssh -p ${ssh.port} ${ssh.user}@${ssh.address} ${quotePosix(there)}`
      : `on that host: ${there}`;
    throw new CoffreError(
      'refused',
      `cannot put on record what is found of ${host.name}: its signing key is not on this machine`,
      { hint: `run it there: ${remote}` },
    );
  }
  await assertCanSign(host, inventory);
  return host;
}

async function putOnRecord(
  host: HostConfig,
  draft: RecordDraft,
  { emit, signal }: VerifyOrder,
  clock: Clock,
): Promise<CoffreError | null> {
  const subject = host.name;
  const told = (error: CoffreError, text: string): CoffreError => {
    const hint = error.hint ?? 'the next run tries again';
    emit({ kind: 'warning', subject, text: `${text}: ${error.message}`, hint });
    return error;
  };
  try {
    await concludeRecord(host, draft, { clock, signal });
  } catch (error) {
    return told(asCoffreError(error), 'what was found is not on record');
  }
  const publication = await publishRecords(host, { clock, signal });
  if (publication.kind === 'owed') {
    const { message, hint } = publication.error;
    const owed = new CoffreError('owed', message, hint === undefined ? {} : { hint });
    return told(owed, 'what was found is on record here, and not published yet');
  }
  for (const tampering of tellTampering(publication, 'this host')) emit({ kind: 'warning', subject, ...tampering });
  return null;
}

type VerifyDraft = Extract<RecordDraft, { kind: 'verify' }>;

function draftOf(
  verdicts: readonly PlaceVerdict[],
  { runs, sample }: Pick<VerifyOrder, 'runs' | 'sample'>,
): Omit<VerifyDraft, 'startedAt'> {
  const places = verdicts.map(({ place, copies, error }) => ({
    ...placeOf(place),
    error: error?.code ?? null,
    runs: copies.map(verifiedRun),
  }));
  const found = places.flatMap((place) => place.runs);
  const isBad = found.some(({ verdict }) => verdict !== 'whole' && verdict !== 'unread');
  const code = isBad ? 'verification-failed' : [...places, ...found].find(({ error }) => error !== null)?.error;
  const outcome = code
    ? ({ outcome: 'failed', error: { code } } as const)
    : ({ outcome: 'succeeded', error: null } as const);
  return { kind: 'verify', ...outcome, runs: runs.kind, sample, places };
}

function placeOf(place: string): Pick<VerifyRecord['places'][number], 'kind' | 'offsite'> {
  if (place === 'store' || place === 'export') return { kind: place, offsite: null };
  return { kind: 'offsite', offsite: OffsiteName.parse(place.slice('offsite:'.length)) };
}

function verifiedRun(copy: CopyVerdict): VerifyRecord['places'][number]['runs'][number] {
  const nothing = { run: copy.run, segments: null, readBytes: 0, findings: 0, unknown: 0, error: null };
  switch (copy.kind) {
    case 'compared': {
      const { segments, readBytes } = copy;
      const [findings, unknown] = [copy.findings.length, copy.unknown.length];
      return { ...nothing, verdict: findings === 0 ? 'whole' : 'damaged', segments, readBytes, findings, unknown };
    }
    case 'untrusted':
    case 'missing':
      return { ...nothing, verdict: copy.kind };
    case 'unread':
      return { ...nothing, verdict: 'unread', error: copy.error.code };
  }
}
