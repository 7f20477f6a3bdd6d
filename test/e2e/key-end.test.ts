import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { fileProbes } from '../../lib/flow/check-keys.ts';
import { sliceOf } from '../../lib/flow/slice-of.ts';
import { certifyPem } from '../../lib/seal/certificate.ts';
import { run } from '../../lib/system/command.ts';
import { runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { worldFor } from '../fixture/world.ts';

/* A recipient's certificate that has ended: everybody is told, no night is lost, and what was sealed opens as ever. */

t.setTimeout(300_000);

t.test('a certificate that has ended, and one that is about to', async (t) => {
  const world = await worldFor(t);
  const { company, escrow, passphrase } = world.keys;
  const DAY_MS = 86_400_000;
  const certificate = (path: string, name: string, ageDays: number, days: number) => {
    const key = createPrivateKey({ key: readFileSync(path), passphrase }).export({ type: 'pkcs8', format: 'pem' });
    const pem = certifyPem(key.toString(), { name, from: new Date(Date.now() - ageDays * DAY_MS), days });
    writeFileSync(world.at(`inventory/recipients/${name}.pem`), pem);
  };
  certificate(company, 'company', 10, 7);
  certificate(escrow, 'escrow', 10, 40);

  const backup = await world.task('backup', []);
  t.equal(backup.exitCode, 0, backup.stdout + backup.stderr);
  t.match(backup.stderr, /^warning: db1: THE CERTIFICATE OF company HAS ENDED, on .*, 3 days ago; runs are sealed/m);
  t.match(backup.stderr, /^warning: db1: the certificate of escrow ends on .*, in 29 days$/m);

  const list = await world.task('keys', ['list']);
  t.match(list.stdout, /^company +4096 +db1 +\d{4}-\d\d-\d\d +[0-9a-f]{64}$/m);
  t.match(list.stdout, /^THE CERTIFICATE OF company HAS ENDED/m);

  const validate = await world.task('validate', []);
  t.equal(validate.exitCode, 0, validate.stdout + validate.stderr);
  t.match(validate.stdout, /\(key-end\)[\s\S]*THE CERTIFICATE OF company HAS ENDED/);

  const restored = await world.restore(['--overwrite', 'shop', '--database', 'shop']);
  t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
  const tested = await world.task('keys', ['test', '--private-key', company, '--passphrase-fd', '0'], {
    input: `${passphrase}\n`,
  });
  t.equal(tested.exitCode, 0, tested.stdout + tested.stderr);

  await t.test('by hand the fingerprint is that of the public key in it', async (t) => {
    const [id = ''] = await runsAt(world, STORE);
    const script = `openssl x509 -in ${world.at('inventory/recipients/company.pem')} -pubkey -noout |
      openssl pkey -pubin -outform DER | sha256sum`;
    const { stdout } = await run('sh', ['-c', script]);
    t.match(readFileSync(world.at(STORE, id, 'RECOVERY.txt'), 'utf8'), `company    ${stdout.slice(0, 64)}`);
  });

  await t.test('check has a line for each, and none for a bare key', async (t) => {
    const slice = sliceOf(await world.host(), await world.inventory());
    const order = { slice, otherFolders: {}, controlTimeMs: Date.now(), limitMs: 1000 };
    const probesAt = async (days: number) => {
      const clock = { now: () => new Date(Date.now() + days * DAY_MS) } as Parameters<typeof fileProbes>[1];
      const probes = (await fileProbes(order, clock)).filter(({ check }) => check.startsWith('end of '));
      t.strictSame(
        probes.map(({ severity, check }) => `${severity} ${check}`),
        ['warning end of company', 'warning end of escrow'],
      );
      return await Promise.all(probes.map((probe) => probe.look()));
    };
    t.match(await probesAt(0), [{ fault: { text: /HAS ENDED/ } }, { fault: { text: /in 29 days/ } }]);
    t.match(await probesAt(-40), [{ fault: { text: /in \d+ days/ } }, { detail: /^it ends on / }]);
  });
});
