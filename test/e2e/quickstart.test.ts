import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { quickstart, stopQuickstart } from '../../lib/flow/quickstart.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { run } from '../../lib/system/command.ts';
import { isRunning, readProcess } from '../../lib/system/process-record.ts';

t.test(
  'tells the whole story: back up, lose everything, restore with and without coffre, the same by content',
  async (t) => {
    const folder = join(mkdtempSync(join(tmpdir(), 'coffre-qs-')), 'quickstart');
    t.teardown(async () => {
      await stopQuickstart(folder);
      rmSync(join(folder, '..'), { recursive: true, force: true });
    });
    const told: FlowEvent[] = [];
    const { manifest } = await quickstart(folder, (event) => told.push(event), new AbortController().signal);
    const steps = told.flatMap((event) => (event.kind === 'phase-ended' ? [event.phase] : []));
    t.same(
      steps.filter((step) => ['backup', 'validate', 'disaster', 'restore', 'compare'].includes(step)),
      ['validate', 'disaster', 'restore', 'compare', 'disaster', 'restore', 'compare'],
    );
    // The first link of the chain is the record of its provisioning.
    t.match(manifest, { outcome: 'succeeded', sequence: 2, previous: /^[0-9a-f]{64}$/, error: null });
    t.same(
      manifest.copies.map(({ kind, state, verified }) => [kind, state, verified]),
      [
        ['store', 'complete', 'read back'],
        ['export', 'complete', 'read back'],
        ['offsite', 'complete', 'read back'],
      ],
    );
    for (const name of ['inventory', 'keys', 'host', 'offsite', 'audit.git'])
      t.ok(existsSync(join(folder, name)), name);
    t.match(readFileSync(join(folder, 'keys/README.txt'), 'utf8'), /demo/);

    const copy = join(folder, 'offsite/backups/db1', manifest.run);
    const signers = join(folder, 'inventory/signers/allowed_signers');
    const verify = [
      '-Y',
      'verify',
      '-f',
      signers,
      '-I',
      'db1',
      '-n',
      'coffre-manifest',
      '-s',
      join(copy, 'SHA256SUMS.sig'),
    ];
    const sums = readFileSync(join(copy, 'SHA256SUMS'));
    t.equal((await run('ssh-keygen', verify, { input: sums })).exitCode, 0, 'the sums are signed');
    const forged = Buffer.concat([sums.subarray(1), sums.subarray(0, 1)]);
    t.not((await run('ssh-keygen', verify, { input: forged })).exitCode, 0, 'and forged ones are not');

    const record = join(folder, 'host/mysql/process.json');
    const server = await readProcess(record);
    t.ok(server && (await isRunning(server)), 'the server goes on');
    await stopQuickstart(folder);
    t.notOk(server && (await isRunning(server)), '--down has ended it');
  },
);
