import t from 'tap';
import { allowedSignersLine, parseAllowedSigners } from '../../lib/model/allowed-signers.ts';
import type { HostName } from '../../lib/model/names.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAmb1io0/PrkIy897b/5MdyTGDVCNGaat1oqCQgkDsq0';
const LINE = allowedSignersLine('db1' as HostName, `${KEY} somebody@somewhere`);

t.test('reads the line that it writes, between comments and empty lines', async (t) => {
  const { signers, faults } = parseAllowedSigners(`# who\n\n${LINE}\r\n${LINE} retired\n`);
  t.strictSame(faults, []);
  t.match(signers, [
    { host: 'db1', publicKey: KEY, retired: false, line: 3 },
    { host: 'db1', publicKey: KEY, retired: true, line: 4 },
  ]);
});

t.test('refuses every line that could mean more than one host, or another purpose', async (t) => {
  const wrong = [
    LINE.replace('db1', '*'),
    LINE.replace('db1', 'db?'),
    LINE.replace('db1', '!db2'),
    LINE.replace('db1', 'db1,db2'),
    LINE.replace('coffre-manifest', '*'),
    LINE.replace('coffre-manifest', 'coffre-manifest,git'),
    `db1 ${KEY}`,
    LINE.replace('namespaces', 'cert-authority,namespaces'),
    LINE.replace('ssh-ed25519', 'ssh-dss'),
    LINE.replace('ssh-ed25519', 'ecdsa-sha2-nistp256'),
    'db1',
  ];
  for (const line of wrong) {
    const { signers, faults } = parseAllowedSigners(line);
    t.strictSame([signers.length, faults.length], [0, 1], line);
  }
});

t.test('one key signs for one host; only who got another name may have it twice', async (t) => {
  const other = allowedSignersLine('db2' as HostName, KEY);
  t.match(parseAllowedSigners(`${LINE}\n${other}\n`).faults, [
    { line: 2, message: /^this is the key of db1 \(line 1\)/ },
  ]);
  t.strictSame(parseAllowedSigners(`${LINE} retired\n${other}\n`).faults, []);
  t.strictSame(parseAllowedSigners(`${other}\n${LINE} retired\n`).faults, []);
  t.match(parseAllowedSigners(`\uFEFF${LINE}\n`).faults, [{ line: 1, message: /byte order mark/ }]);
});
