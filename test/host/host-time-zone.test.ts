import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { hostTimeZone } from '../../lib/host/host-time-zone.ts';
import { temporaryFolder } from '../temporary.ts';

t.test("finds the host's own zone", async (t) => {
  const { path: root, remove } = temporaryFolder();
  t.teardown(remove);
  const [localtime, timezone] = [join(root, 'etc/localtime'), join(root, 'etc/timezone')];
  mkdirSync(join(root, 'etc'));
  t.equal(await hostTimeZone(root), 'Etc/UTC', 'without rules it is UTC');
  writeFileSync(timezone, 'America/New_York\n');
  t.equal(await hostTimeZone(root), 'Etc/UTC', '/etc/timezone alone moves no clock');
  const zones: [string, string | undefined][] = [
    ['/usr/share/zoneinfo/Europe/Paris', 'Europe/Paris'],
    ['../usr/share/zoneinfo/America/Argentina/Ushuaia', 'America/Argentina/Ushuaia'],
    ['/usr/share/zoneinfo/posix/Asia/Tokyo', 'Asia/Tokyo'],
    ['/usr/share/zoneinfo/Atlantis/Capital', undefined],
    ['/srv/my-rules', undefined],
  ];
  for (const [target, zone] of zones) {
    symlinkSync(target, localtime);
    t.equal(await hostTimeZone(root), zone, target);
    rmSync(localtime);
  }
});

const database = '/usr/share/zoneinfo';
const noZones = existsSync(`${database}/Etc/UTC`) ? false : 'no zones are here: apt-get install tzdata';

t.test('a copy of the rules is named by /etc/timezone, if its rules are the same', { skip: noZones }, async (t) => {
  const { path: root, remove } = temporaryFolder();
  t.teardown(remove);
  for (const folder of ['etc', 'usr/share/zoneinfo/Europe', 'usr/share/zoneinfo/Etc']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const zone of ['Europe/Paris', 'Etc/UTC']) copyFileSync(join(database, zone), join(root, database, zone));
  copyFileSync(join(database, 'Europe/Paris'), join(root, 'etc/localtime'));
  t.equal(await hostTimeZone(root), undefined, 'nobody names them');
  writeFileSync(join(root, 'etc/timezone'), 'Europe/Paris\n');
  t.equal(await hostTimeZone(root), 'Europe/Paris');
  writeFileSync(join(root, 'etc/timezone'), 'Etc/UTC\n');
  t.equal(await hostTimeZone(root), undefined, 'the name is of other rules');
});

t.test('TZ of this process is not asked', async (t) => {
  const before = process.env.TZ;
  t.teardown(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });
  const zone = await hostTimeZone();
  process.env.TZ = zone === 'Asia/Tokyo' ? 'Asia/Seoul' : 'Asia/Tokyo';
  t.equal(await hostTimeZone(), zone);
});
