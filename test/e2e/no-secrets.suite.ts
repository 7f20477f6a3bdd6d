import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { execute } from '../../lib/database/client.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { startThrowawayServer, type ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { recoverByHand } from '../../lib/flow/recover-by-hand.ts';
import { asCoffreError } from '../../lib/model/error.ts';
import { tellFailure } from '../../lib/model/told-failure.ts';
import { run } from '../../lib/system/command.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { addDriller } from '../fixture/driller.ts';
import { OFFSITE, runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { watchProcesses } from '../fixture/process-watch.ts';
import { provisionedWorld, whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { restoreWorld } from '../fixture/restore-world.ts';
import { linesOfKey, searchFor } from '../fixture/secret-search.ts';
import { optionLine, secretWorld, speakingHook, speakingRemote, writeSecrets } from '../fixture/secret-world.ts';
import { serverFor } from '../fixture/servers.ts';
import type { TaskEnd } from '../fixture/task.ts';
import { hasLoginShell } from '../login-shell.ts';

/*
 * Every failure that a world in one folder can have, with secrets made for it: passwords with quotes and comment signs, tokens,
 * passphrases, keys, rows. Then all that was said, started and written is looked through. `no-secrets.test.ts` has the short
 * form, and proves that secrets would be found.
 */

t.setTimeout(900_000);
const night = await secretWorld(t, { shopRows: 4, network: true });
const { world, secret } = night;
const { at } = world;
const root = world.server.root;
const state = (name: string) => at('host/var/lib/coffre', name);

const ends = (t: Test, codes: readonly (number | null)[], { exitCode, stdout, stderr }: TaskEnd) =>
  t.ok(codes.includes(exitCode), `${exitCode}: ${stdout}${stderr}`);

/** Nights of both kinds of terminal: what a person or a cron mail gets, and the events. */
const bothWays = async (
  t: Test,
  name: string,
  codes: readonly number[],
  more: Parameters<typeof night.run>[3] = {},
) => {
  for (const words of [[], ['--json']])
    ends(t, codes, await night.run(`${name} ${words.join()}`, 'backup', words, more));
};

t.test('backups that fail', async (t) => {
  ends(t, [0], await night.run('a good night', 'backup', ['--json']));

  await t.test('by the account', async (t) => {
    for (const [name, line] of [
      ['wrong', optionLine('password', `wrong ${secret.replication}`)],
      ['mistyped', optionLine('pasword', secret.account)],
      ['unquoted', `password = ${secret.account}`],
      ['unended', `password = "${secret.account}`],
    ] as const) {
      const optionFile = night.keep(`host/etc/coffre/${name}.cnf`);
      writeFileSync(optionFile, `[client]\nuser = bkpuser\n${line}\n`, { mode: 0o600 });
      const inventory = await night.inventoryWith((host) => {
        host.database.optionFile = optionFile;
      });
      // In quotes of its own a `#` begins no comment, so that the unquoted one may even be right.
      await bothWays(t, `a ${name} password`, [0, 4, 7], { inventory });
    }
    const optionFile = at('host/etc/coffre/my.cnf');
    await chmod(optionFile, 0o644);
    await bothWays(t, 'an open option file', [8]);
    await chmod(optionFile, 0o600);
    await execute(root, "REVOKE TRIGGER ON *.* FROM 'bkpuser'@'localhost'");
    await bothWays(t, 'a privilege is missing', [4]);
    await execute(root, "GRANT TRIGGER ON *.* TO 'bkpuser'@'localhost'");
  });

  await t.test('by what is in the database, or becomes of it', async (t) => {
    await execute(
      root,
      `CREATE TABLE shop.gone (a INT); CREATE VIEW shop.broken AS SELECT a FROM shop.gone; DROP TABLE shop.gone`,
    );
    await bothWays(t, 'a broken view', [4]);
    await execute(root, 'DROP VIEW shop.broken');
    let killed = false;
    const ended = await night.run('the server dies', 'backup', ['--json'], {
      onEvent: ({ event, text }) => {
        if (killed || event !== 'note' || !/^one snapshot/.test(text ?? '')) return;
        killed = true;
        process.kill(world.server.pid, 'SIGKILL');
      },
    });
    ends(t, [0, 4, 7], ended);
    const again = await startThrowawayServer({ folder: world.server.folder, logBin: true, network: true });
    servers.push(again);
  });

  await t.test('by the host: full disks, SIGKILL, a journal that is none', async (t) => {
    await bothWays(t, 'a full store', [4], { under: ['prlimit', '--fsize=500000:500000'] });
    const noExport = await night.inventoryWith((host) => {
      host.export.path = at('host/unplugged');
    });
    await bothWays(t, 'no export', [3], { inventory: noExport });
    for (const phase of ['dump', 'ship', 'publish']) {
      let killed = false;
      const ended = await night.run(`killed at ${phase}`, 'backup', ['--json'], {
        onEvent: (event, { kill }) => {
          if (killed || event.event !== 'phase-started' || event.phase !== phase) return;
          killed = true;
          kill('SIGKILL');
        },
      });
      ends(t, [null], ended);
    }
    ends(t, [0], await night.run('after all these', 'backup', []));
    writeFileSync(state('journal.json'), `${JSON.stringify(secret.row)} and ${secret.row}`);
    for (const env of [{}, { COFFRE_DEBUG: '1' }] as Record<string, string>[])
      ends(
        t,
        [1],
        await night.run(`a journal that is none ${Object.keys(env)}`, 'backup', [], { env }).catch(stackShown),
      );
    rmSync(state('journal.json'));
  });

  await t.test('by those outside', async (t) => {
    const env = night.keep('host/etc/coffre/wrong.env');
    const wrongPassphrase = `not ${secret.identity}`;
    night.learn('wrong passphrase', wrongPassphrase);
    const values = { OFFSITE_PASSPHRASE: wrongPassphrase, REPLICATION_PASSWORD: secret.replication };
    writeSecrets(env, { ...values, COFFRE_GITHUB_TOKEN: secret.token });
    const words = [
      `https://bot:${secret.token}@git.example.net`,
      wrongPassphrase,
      encodeURIComponent(secret.replication),
    ];
    words.push(Buffer.from(wrongPassphrase).toString('hex'), Buffer.from(`xy${secret.replication}`).toString('base64'));
    const audit = hasLoginShell() ? await speakingRemote(t, night, `fatal: no ${words.join(' ')}`) : undefined;
    const inventory = await night.inventoryWith((host) => {
      host.secrets = { path: env };
      if (audit !== undefined) host.audit = audit;
    });
    await bothWays(t, 'offsite and audit repository refuse', [3], { inventory });
    await chmod(env, 0o644);
    await bothWays(t, 'an open .env file', [3], { inventory });
    await chmod(env, 0o600);
    const quiet = speakingHook(night, `fatal: ${words.join('\nerror: ')}`);
    await bothWays(t, 'a hook refuses', [3]);
    quiet();
    const down = await night.inventoryWith((host) => {
      Object.assign(host.offsite[0] ?? {}, { port: 1 });
    });
    await bothWays(t, 'the offsite is down', [3], { inventory: down });
    const inUrl = await night.inventoryWith((host) => {
      host.audit = { kind: 'git', remote: `https://bot:${secret.token}@git.example.net/audit`, branch: 'main' };
      host.pasword = secret.account;
    });
    night.keep(inUrl.slice(world.folder.length + 1));
    await bothWays(t, 'secrets in the inventory', [2], { inventory: inUrl });
    for (const verb of ['validate', 'list', 'verify']) {
      ends(t, [2], await night.run(`${verb} of secrets in the inventory`, verb, ['--json'], { inventory: inUrl }));
    }
  });
  ends(t, [0], await night.run('a good night again', 'backup', []));
});

/** The world says of each task that it shows no stack; with COFFRE_DEBUG it has to. */
function stackShown(error: Error): TaskEnd {
  if (!/shows a stack trace/.test(error.message)) throw error;
  return { exitCode: 1, stdout: '', stderr: '' };
}

const servers: ThrowawayServer[] = [];
t.teardown(async () => {
  for (const server of servers) await server.stop();
});

t.test('restores that fail', async (t) => {
  const fails = async (name: string, words: readonly string[], codes: readonly number[], more = {}) => {
    for (const json of [[], ['--json']])
      ends(t, codes, await night.restore(`${name} ${json}`, [...json, ...words], more));
  };
  for (const input of [
    `x${secret.passphrase}\n`,
    `${secret.passphrase} \n`,
    '\n',
    `${secret.passphrase.slice(0, -1)}\n`,
  ])
    await fails(`passphrase ${input.length}`, [], [2, 8], { input });
  const file = night.keep('passphrase.txt');
  writeFileSync(file, `${secret.passphrase}\nand more\n`, { mode: 0o600 });
  ends(
    t,
    [8],
    await night.run('a passphrase for a key that is none', 'restore', [
      '--key',
      at('host/etc/coffre/my.cnf'),
      '--passphrase-file',
      file,
    ]),
  );
  await fails('a database is there', [], [8]);
  await fails('a row is refused', ['--database', 'odd', '--as', 'odd_again', '--from', 'store'], [4]);
  const [newest = ''] = (await runsAt(world, STORE)).slice(-1);
  await whileDamaged(at(STORE, newest, 'shop.tar.gz.enc'), flipped, async () => {
    await fails('damaged', ['--from', 'store', '--overwrite', 'shop', '--overwrite', 'crm', '--overwrite', 'odd'], [5]);
    ends(t, [5], await night.run('verify finds damage', 'verify', ['--from', 'store', '--json']));
  });
  const small = await serverFor(t, { extra: ['--max-allowed-packet=65536', '--net-buffer-length=16384'] });
  await fails('rows are too large', ['--socket', small.socket, '--database', 'shop'], [4, 7, 8]);
  // All is loaded, and then the primary does not know this login.
  const loadable = await night.inventoryWith((host) => {
    host.database.exclude = ['odd'];
  });
  ends(t, [0], await night.run('a run for a replica', 'backup', [], { inventory: loadable }));
  const replica = await serverFor(t, { logBin: true, extra: ['--server-id=77'] });
  const primary = servers.at(-1)?.port;
  const asReplica = ['--socket', replica.socket, '--as-replica', '--primary', `127.0.0.1:${primary}`];
  const stranger = await night.restore('a replica that is not let in', asReplica);
  ends(t, [4], stranger);
  t.match(stranger.stderr, /cannot follow .*: the primary does not let the replication user in/);
  await night.run('a good night for recovery by hand', 'backup', []);

  const bare = await serverFor(t);
  const options = night.keep('host/root/bare.cnf');
  writeFileSync(options, `[client]\nuser = root\nsocket = "${bare.socket}"\n`, { mode: 0o600 });
  const [offsite = ''] = (await runsAt(world, OFFSITE)).slice(-1);
  const byHand = { runFolder: at(OFFSITE, offsite), recipient: 'company', privateKeyPath: world.keys.company };
  for (const passphrase of [secret.passphrase, `x${secret.passphrase}`]) {
    const failure = await recoverByHand({ ...byHand, passphrase, clientOptions: options }).then(
      () => undefined,
      (error: unknown) => asCoffreError(error),
    );
    t.match(failure, { code: 'verification-failed' });
    if (failure) night.hear(`by hand ${passphrase.length}`, tellFailure(failure));
    if (passphrase === secret.passphrase) t.match(failure?.findings, [/^ERROR 1\d+ .* at line \d+/]);
  }
});

t.test('keys, drills and whoever reads the audit repository', async (t) => {
  const out = at('keys/new.pem');
  for (const [words, input] of [
    [['new', 'third', '--private-key', `${night.inventory}/third.pem`], `${secret.passphrase}\n`],
    [['new', 'third', '--private-key', out], 'too short\n'],
    [['new', '../third', '--private-key', out], `${secret.passphrase}\n`],
  ] as const) {
    ends(
      t,
      [2, 8],
      await night.run(`keys ${words[1]} ${input.length}`, 'keys', [...words, '--passphrase-fd', '0'], { input }),
    );
  }
  await addDriller({ ...world, keys: { ...world.keys, passphrase: secret.passphrase } });
  for (const path of ['driller/etc/drill.pem', 'driller/etc/offsite_ed25519', 'driller/state/signing/id_ed25519'])
    for (const line of linesOfKey(path, readFileSync(night.keep(path), 'utf8'))) night.learn(line.name, line.value);
  const inventory = world.inventoryFolder;
  ends(t, [5], await night.run('a drill that a row fails', 'drill', ['--json'], { inventory }));
  const key = at('driller/etc/drill.pem');
  const pem = await readFile(key);
  await writeFile(key, pem.subarray(0, 900));
  ends(t, [1, 2, 5, 8], await night.run('a drill with half a key', 'drill', [], { inventory }));
  await writeFile(key, pem);
  for (const verb of ['validate', 'list']) {
    ends(
      t,
      [0, 5],
      await night.run(verb, verb, verb === 'list' ? ['--from', 'audit', '--json'] : ['--json'], { inventory }),
    );
  }
});

t.test('no secret stands anywhere', async (t) => {
  t.strictSame(night.leaks(), []);
});

t.test('a host that control provisions, and restores on', { skip: whyNoProvisioning() }, async (t) => {
  await t.test('provisioning that fails', async (t) => {
    const hosted = await provisionedWorld(t);
    const { account: password } = secret;
    const optionFile = hosted.at('host/etc/coffre/my.cnf');
    await run('mkdir', ['-p', hosted.at('host/etc/coffre')]);
    const watch = watchProcesses(hosted.sshd.pid, 50);
    const heard: unknown[] = [];
    const provision = async (words: readonly string[] = []) => {
      for (const json of [[], ['--json']]) heard.push(await hosted.provision(['db1', ...json, ...words]));
    };
    await writeFile(optionFile, `[client]\nuser = nightly\n${optionLine('password', password)}\n`, { mode: 0o600 });
    await loadSql(hosted.server.root, "CREATE USER nightly@localhost IDENTIFIED BY 'their own';\n");
    await provision(); // an account of somebody else
    await loadSql(hosted.server.root, 'DROP USER nightly@localhost;\n');
    await provision(['--dry-run']); // a password that somebody wrote there is adopted
    await writeFile(optionFile, `[client]\nuser = nightly\n${optionLine('pasword', password)}\n`, { mode: 0o600 });
    await provision(['--dry-run']);
    await chmod(optionFile, 0o644);
    await writeFile(optionFile, `[client]\nuser = nightly\n${optionLine('password', password)}\n`);
    await provision(); // it goes, because others could read it
    await hosted.server.stop();
    await provision();
    const { commands, environments } = watch.end();
    const made = hosted.secrets();
    const keys = ['host/etc/coffre/offsite_ed25519', 'host/var/lib/coffre/signing/id_ed25519', 'sshd/identity_ed25519'];
    const find = searchFor([
      { name: 'adopted password', value: password },
      ...made.map((value, index) => ({ name: `made password ${index}`, value })),
      ...keys.flatMap((path) => linesOfKey(path, readFileSync(hosted.at(path), 'utf8'))),
    ]);
    t.equal(made.length, 1);
    for (const said of [
      heard.map((each) => JSON.stringify(each)),
      heard.flatMap((each) => Object.values(each as object).map(String)),
    ])
      t.strictSame(find(said.join('\n')), []);
    t.strictSame(find(commands.join('\n')), []);
    t.strictSame(find(environments.join('\n')), []);
    t.not(find(readFileSync(optionFile)).length, 0, 'and there it is');
  });

  await t.test('restores on a host', async (t) => {
    const remote = await restoreWorld(t, { shopRows: 2 });
    const heard: unknown[] = [];
    const emit = (event: unknown) => void heard.push(event);
    const watch = watchProcesses(process.pid, 50);
    const [there, here] = [watchProcesses(remote.sshd.db1.pid, 50), watchProcesses(remote.sshd.db2.pid, 50)];
    for (const [on, words] of [
      ['db1', ['--overwrite=shop']],
      ['db2', []],
      ['db2', ['--database=shopp']],
    ] as const)
      heard.push(
        await remote.elsewhere(on, words, { emit }).catch((error: unknown) => tellFailure(asCoffreError(error))),
      );
    const seen = [watch, there, here].map((each) => each.end());
    const find = searchFor([
      { name: 'passphrase', value: remote.passphrase },
      ...linesOfKey('company', readFileSync(remote.world.keys.company, 'utf8')),
    ]);
    t.ok(heard.length > 10);
    t.strictSame(find(JSON.stringify(heard)), []);
    t.strictSame(find(JSON.stringify(seen)), []);
  });
});
