import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { primaryOf } from '../../lib/flow/primary-of.ts';
import { readReplicationLogin } from '../../lib/flow/replication-login.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import { HostName } from '../../lib/model/names.ts';
import { inventoryWith } from '../fixture/inventory.ts';

const folder = t.testdir();
const at = (name: string, content: string, mode = 0o600) => {
  writeFileSync(join(folder, name), content);
  chmodSync(join(folder, name), mode);
  return join(folder, name);
};
const nothing = { optionFile: undefined, secretsPath: join(folder, 'none'), user: undefined, ask: undefined };
const repl = { user: 'repl', password: 'gr ün#1' };

t.test('user and password come from an option file, the .env file, or the terminal', async (t) => {
  const optionFile = at('repl.cnf', '[client]\nuser = repl\npassword = "gr ün#1"\n');
  t.strictSame(await readReplicationLogin({ ...nothing, optionFile }), repl);
  const secretsPath = at('env', 'REPLICATION_USER=repl\nREPLICATION_PASSWORD="gr ün#1"\n');
  t.strictSame(await readReplicationLogin({ ...nothing, secretsPath }), repl);
  t.strictSame(await readReplicationLogin({ ...nothing, secretsPath, user: 'other' }), { ...repl, user: 'other' });
  const prompts: string[] = [];
  const ask = async (prompt: string) => {
    prompts.push(prompt);
    return repl.password;
  };
  t.strictSame(await readReplicationLogin({ ...nothing, user: 'repl', ask }), repl);
  t.strictSame(prompts, ['Password of repl at the primary']);
});

t.test('without them it says where they are looked for', async (t) => {
  const usage = { code: 'usage', hint: /--replication-file FILE.*REPLICATION_PASSWORD in .*none/ };
  await t.rejects(readReplicationLogin(nothing), usage);
  await t.rejects(readReplicationLogin({ ...nothing, user: 'repl' }), usage);
  await t.rejects(readReplicationLogin({ ...nothing, user: 'repl', ask: async () => '' }), usage);
  await t.rejects(readReplicationLogin({ ...nothing, optionFile: at('half.cnf', '[client]\nuser = repl\n') }), {
    code: 'usage',
  });
});

t.test('refuses an option file that others can read', async (t) => {
  const optionFile = at('open.cnf', '[client]\nuser = repl\npassword = x\n', 0o644);
  await t.rejects(readReplicationLogin({ ...nothing, optionFile }), { code: 'refused', hint: /chmod 0600/ });
});

t.test('the primary is what the inventory says, or what is named', async (t) => {
  const inventory = await readInventory(await inventoryWith(t));
  const [host] = [...inventory.hosts.values()];
  if (!host) throw new Error('the example has a host');
  const of = (named?: string, ca?: string, who = host) => primaryOf(who, inventory, named, ca);
  t.strictSame(of('10.0.0.9'), { address: '10.0.0.9', port: 3306, ca: null });
  t.strictSame(of('db.example.net:3307', '/etc/ca.pem'), { address: 'db.example.net', port: 3307, ca: '/etc/ca.pem' });
  t.strictSame(of('[fd00::1]:3308'), { address: 'fd00::1', port: 3308, ca: null });
  for (const wrong of ['', 'a b', 'host:', 'host:99999', "x' y"]) t.throws(() => of(wrong), { code: 'usage' }, wrong);
  const ssh = host.ssh && { ...host.ssh, address: 'db1.example.net' };
  const local = {
    ...host,
    ssh,
    database: { ...host.database, socket: '/s', address: undefined },
  } as unknown as typeof host;
  Reflect.deleteProperty(local.database, 'address');
  t.match(of(undefined, undefined, local), ssh ? { address: 'db1.example.net', port: 3306 } : {});
  const lost = { ...local, database: { ...local.database, replicaOf: HostName.parse('db77') } };
  t.throws(() => of(undefined, undefined, lost), { code: 'usage', hint: /--primary ADDRESS/ });
});
