import t from 'tap';
import type { Expectation } from '../../lib/audit/expectation.ts';
import type { PlaceEvent } from '../../lib/audit/place-event.ts';
import type { PublishedLink } from '../../lib/audit/published.ts';
import { recoverableRule } from '../../lib/audit/recoverable-rule.ts';
import type { Copy } from '../../lib/model/manifest.ts';
import type { HostName, RecipientName } from '../../lib/model/names.ts';
import { runIdAt } from '../../lib/model/run-id.ts';
import { digest } from '../fixture/manifest.ts';
import { linkOf, repositoryOf } from '../fixture/published-link.ts';

const db1 = 'db1' as HostName;
const night = (n: number) => new Date(Date.UTC(2026, 10, 30, 4, 0, 7) - n * 86_400_000);
const PLACES = [
  { kind: 'store', offsite: null },
  { kind: 'export', offsite: null },
  { kind: 'offsite', offsite: 'contractor' },
] as unknown as readonly Pick<Copy, 'kind' | 'offsite'>[];
const copies = PLACES.map((place) => ({ ...place, state: 'complete', verified: 'read back' }) as Copy);
const of = (n: number, changes: Partial<PublishedLink> = {}) => linkOf('db1', night(n), { copies, ...changes });
const gone = (what: PlaceEvent['what'], nights: readonly number[], places = PLACES): PlaceEvent[] =>
  places.map(({ kind, offsite }) => {
    return { host: db1, kind, offsite, what, at: '2026-11-30T09:00:00Z', runs: nights.map((n) => runIdAt(night(n))) };
  });

function judge(
  links: readonly PublishedLink[],
  {
    events = [],
    names = ['company', 'escrow'],
    retired = {},
  }: { events?: readonly PlaceEvent[]; names?: readonly string[]; retired?: Readonly<Record<string, string>> } = {},
): string[] {
  const hosts = new Map([[db1, { offsite: [{ name: 'contractor' }] }]]);
  const keys = new Map(names.map((name) => [name as RecipientName, digest(name)]));
  const retiredKeys = new Map(Object.entries(retired).map(([key, name]) => [digest(key), name]));
  const expectation = { hosts, retiredKeys, recipients: new Map([[db1, keys]]) } as unknown as Expectation;
  const findings = recoverableRule(repositoryOf(links, { placeEvents: events }), expectation);
  return findings.map(({ severity, path, message }) => `${severity} ${path?.slice(-23, -5)}: ${message}`);
}

t.test('the newest good run is one that could be restored', async (t) => {
  t.strictSame(judge([]), [], 'freshness tells that there is none');
  t.strictSame(judge([of(1), of(0)]), []);
  t.strictSame(judge([of(1), of(0, { outcome: 'failed', lacks: ['snapshot'], copies: [] })]), []);
  t.strictSame(judge([of(1), of(0, { lacks: ['snapshot', 'recipient'] })]), [
    'error 2026-11-30T040007Z: it says that it succeeded, and has no snapshot, no recipient: nobody could restore it',
  ]);
});

t.test('a complete copy of it is left', async (t) => {
  const where = (why: string) => `the store (${why}), the export (${why}), the offsite contractor (${why})`;
  const left = (rest: string) => [`error 2026-11-30T040007Z: no complete copy of its newest good run is left: ${rest}`];
  t.strictSame(judge([of(1), of(0)], { events: gone('removed', [0, 1], PLACES.slice(1)) }), [], 'one is enough');
  t.strictSame(
    judge([of(1), of(0)], { events: gone('removed', [0, 1]) }),
    left(`${where('removed')}; nor of any run before it`),
  );
  t.strictSame(
    judge([of(1), of(0)], { events: gone('bad', [0]) }),
    left(`${where('found damaged or missing')}; the newest of which one is left is ${runIdAt(night(1))}`),
  );
  t.strictSame(judge([of(0)], { events: [...gone('bad', [0]), ...gone('good', [0], PLACES.slice(2))] }), []);
});

t.test('those who should be able to open it are', async (t) => {
  const newest = 'warning 2026-11-30T040007Z: its newest good run';
  t.strictSame(judge([of(0)], { names: ['company', 'escrow', 'drill'] }), [
    `${newest} cannot be opened by drill, as the inventory wants it`,
  ]);
  const key = (name: string) => `${name} (key ${digest(name).slice(0, 12)}…)`;
  t.strictSame(judge([of(0)], { names: ['company'] }), [
    `${newest} is sealed also for ${key('escrow')}, who is no recipient of it`,
  ]);
  const mallory = { name: 'company' as RecipientName, fingerprint: digest('mallory') };
  t.strictSame(judge([of(1), of(0, { sealedFor: [mallory] })]), [
    `error 2026-11-30T040007Z: none of its recipients can open its newest good run, which is sealed for company (key ${digest('mallory').slice(0, 12)}…)`,
  ]);
  t.strictSame(judge([of(0)], { names: [] }), [], 'an inventory without keys says nothing');
});

t.test('a key that was rotated away is told as that, and is nobody again once the new one is in use', async (t) => {
  const newest = 'warning 2026-11-30T040007Z: its newest good run';
  const key = (name: string, fingerprint: string) => ({
    name: name as RecipientName,
    fingerprint: digest(fingerprint),
  });
  const sealedFor = [key('company', 'former'), key('escrow', 'escrow')];
  const retired = { former: 'company', ancient: 'escrow' };
  t.strictSame(judge([of(0, { sealedFor })], { retired }), [
    `${newest} is sealed for the key that was rotated away of company, and not yet for the new one`,
  ]);
  t.strictSame(
    judge([of(0, { sealedFor: [key('company', 'former'), key('escrow', 'ancient')] })], { retired }),
    [`${newest} is sealed for the key that was rotated away of company, escrow, and not yet for the new one`],
    'both at once: those who had the keys before still open it',
  );
  const both = [...sealedFor, key('company', 'company')];
  t.match(judge([of(0, { sealedFor: both })], { retired }), [
    /sealed also for company \(key .*, who is no recipient of it/,
  ]);
  t.match(judge([of(0, { sealedFor })], { retired: { former: 'auditor' } }), [
    /cannot be opened by company/,
    /sealed also for company/,
  ]);
});
