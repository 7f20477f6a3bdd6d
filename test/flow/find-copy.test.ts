import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { encodeManifest } from '../../lib/audit/canonical.ts';
import { openPlace } from '../../lib/flow/find-copy.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { manifestOf } from '../fixture/manifest.ts';

const host = {
  store: { path: '/none', mount: 'none' },
  export: { path: '/none' },
  offsite: [],
} as unknown as HostConfig;
const RUN = '2026-11-22T040000Z';

t.test('a folder with runs in it is a place', async (t) => {
  const folder = t.testdir({ [RUN]: {} });
  t.strictSame(await (await openPlace(host, folder)).listRuns(), [RUN]);
});

t.test('a folder one level too high is not taken for one without runs', async (t) => {
  const folder = t.testdir({ db1: { [RUN]: {} } });
  await t.rejects(openPlace(host, folder), { code: 'not-found', message: /any run/, hint: /; in it: db1$/ });
});

t.test('an empty folder has no runs, and nothing to suggest', async (t) => {
  const folder = t.testdir({});
  await t.rejects(openPlace(host, folder), { code: 'not-found', hint: /or that of one run$/ });
});

t.test('a run without its manifest is not to be trusted', async (t) => {
  const folder = join(t.testdir({}), RUN);
  await mkdir(folder);
  await writeFile(join(folder, 'SHA256SUMS'), '');
  await t.rejects(openPlace(host, folder), { code: 'verification-failed', message: /no manifest\.json/ });
});

t.test('the folder of a run may have any name but that of another run', async (t) => {
  const manifest = encodeManifest(manifestOf('db1', new Date('2026-11-22T04:00:00Z')));
  const other = '2026-11-21T040000Z';
  const parent = t.testdir({ usb: {}, [RUN]: {}, [other]: {} });
  for (const name of ['usb', RUN, other]) await writeFile(join(parent, name, 'manifest.json'), manifest);
  for (const name of ['usb', RUN]) {
    t.strictSame(await (await openPlace(host, join(parent, name))).listRuns(), [RUN], name);
  }
  await t.rejects(openPlace(host, join(parent, other)), {
    code: 'verification-failed',
    message: new RegExp(`it speaks of the run ${RUN}$`),
    hint: /give it its own name again/,
  });
});

t.test('a place that is none is refused with those that there are', async (t) => {
  for (const name of ['contractor', 'offsite:contractor', 'offsite:../x', 'offsite:/x']) {
    await t.rejects(openPlace(host, name), { code: 'usage', hint: /^one of: store, export,/ }, name);
  }
});
