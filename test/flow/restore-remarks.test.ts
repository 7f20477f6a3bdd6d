import t from 'tap';
import type { TargetTraits } from '../../lib/database/target-traits.ts';
import { remarksOn } from '../../lib/flow/restore-remarks.ts';
import type { Archive } from '../../lib/model/archive-record.ts';
import type { Manifest } from '../../lib/model/manifest.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { manifestOf } from '../fixture/manifest.ts';

const manifest = manifestOf('db1', new Date('2026-11-22T04:00:00Z'));
const [found] = manifest.archives as [Archive];
const shop = { ...found, views: 0, triggers: 0 };
const traits: TargetTraits = {
  version: '10.11.19-MariaDB-0+deb12u1',
  foldsNames: false,
  runsEvents: false,
  hasTimeZones: true,
  engines: new Set(['innodb', 'myisam']),
  dataFolder: '/var/lib/mysql',
  asides: [],
};
const estimate = { needsBytes: 3 * 1024 ** 3, freeBytes: null, oldBytes: 0, seconds: 1 };
const remarks = (
  changes: Partial<TargetTraits>,
  archives: readonly Archive[] = [shop],
  freeBytes: number | null = null,
  of: Manifest = manifest,
) =>
  remarksOn(of, archives, { ...traits, ...changes }, { ...estimate, freeBytes }).map(
    ({ kind, text }) => `${kind}: ${text}`,
  );

t.test('a server like the one that was backed up, or a newer one, is worth no word', async (t) => {
  t.strictSame(remarks({}), []);
  t.strictSame(remarks({ version: '11.4.2-MariaDB' }, [shop], 4 * 1024 ** 3), []);
  t.strictSame(remarks({ version: '10.11.1-MariaDB' }), [], 'the series counts');
});

t.test('an older series is told, 10.6 being older than 10.11', async (t) => {
  t.match(remarks({ version: '10.6.18-MariaDB' }), [/^warning: the server is MariaDB 10\.6, older than the 10\.11 of/]);
  t.match(remarks({ version: '8.0.36' }), [/^warning: the server is no MariaDB, but 8\.0\.36$/]);
});

t.test('what the server lacks, changes or begins to do is told with the databases', async (t) => {
  const rocks = {
    ...shop,
    notPointInTime: [
      { table: 'a', engine: 'ARCHIVE' },
      { table: 'b', engine: 'MyISAM' },
    ],
  };
  t.match(remarks({}, [rocks]), [/^warning: the server lacks the storage engine of shop\.a \(ARCHIVE\)$/]);
  t.match(remarks({ foldsNames: true }, [shop, { ...shop, database: DatabaseName.parse('Crm') }]), [
    /also those of Crm$/,
  ]);
  const ticking = { ...shop, events: 1 };
  t.match(remarks({ runsEvents: true }, [ticking, { ...shop, database: null }]), [
    /^warning: the events of shop run as soon/,
  ]);
  t.match(remarks({ hasTimeZones: false }, [ticking, { ...shop, database: null }]), [/^note: .*time zones/]);
  t.match(remarks({}, [ticking]), [/^note: the accounts are left out: .* of shop need/]);
  t.match(remarks({}, [shop], 1024 ** 3), [/^warning: about 3\.0 GiB are needed, and 1\.0 GiB are free/]);
  const nearly = 3 * 1024 ** 3 - 20 * 1024 ** 2;
  t.match(remarks({}, [shop], nearly), [/^warning: about 3072\.0 MiB are needed, and 3052\.0 MiB are free/]);
  t.match(remarks({}, [shop], 3 * 1024 ** 3 - 1), [/about 3221225472 bytes are needed, and 3221225471 bytes are free/]);
});

t.test('what earlier restores have left is told, but for what this one settles', async (t) => {
  const aside = {
    name: DatabaseName.parse('x__old'),
    database: DatabaseName.parse('crm'),
    state: 'moved',
    run: 'r',
    standing: null,
    atWork: false,
  } as const;
  t.match(remarks({ asides: [aside] }), [/^warning: a restore of crm was cut short: the old one is in x__old$/]);
  t.strictSame(remarks({ asides: [{ ...aside, database: DatabaseName.parse('shop') }] }), []);
  t.strictSame(remarks({ asides: [{ ...aside, atWork: true }] }), [], 'it is being restored');
  t.match(remarks({ asides: [{ ...aside, state: 'kept' }] }), [/^note: the old crm is still there as x__old$/]);
});
