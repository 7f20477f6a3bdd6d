import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { missingPrograms, packagesOf } from '../../lib/host/host-programs.ts';
import { packageResource } from '../../lib/host/package.ts';
import { RcloneOffsiteConfig } from '../../lib/model/rclone-offsite-config.ts';
import { run } from '../../lib/system/command.ts';
import { findProgram, type Program } from '../../lib/system/programs.ts';
import { isServicePolicyLeft, restoreServicePolicy, withoutStartingServices } from '../../lib/system/service-policy.ts';
import { temporaryFolder } from '../temporary.ts';

const AUDIT = { kind: 'git', branch: 'main' } as const;
const OVER_SSH = { ...AUDIT, remote: 'git@git.example.net:audit.git' };
const LOCAL = { ...AUDIT, remote: '/srv/audit.git' };
const auto = { program: 'auto' } as const;

/**
 * A PATH with these programs alone, and an apt-get that writes down how it is called, asks the policy as a package would,
 * and "installs" mariadb, where it is told to succeed. The real one would change this machine.
 */
async function hostWith(t: Test, programs: readonly Program[], apt: 'succeeds' | 'needs an update' | 'fails') {
  const { path: folder, remove } = temporaryFolder();
  const before = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = before;
    remove();
  });
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const program of programs) await symlink(findProgram(program) ?? '', join(bin, program));
  const policy = join(folder, 'policy-rc.d');
  const log = join(folder, 'log');
  await writeFile(
    join(bin, 'apt-get'),
    `#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >> '${log}'
'${policy}' mysql start > /dev/null; echo "policy $?" >> '${log}'
[ "$1" = update ] && : > '${folder}/updated' && exit 0
case '${apt}' in fails) echo 'E: Unable to locate package' >&2; exit 100 ;; needs*) [ -e '${folder}/updated' ] || exit 100 ;; esac
printf '#!/bin/sh\\n' > '${bin}/mariadb'; /bin/chmod +x '${bin}/mariadb'
`,
  );
  await chmod(join(bin, 'apt-get'), 0o755);
  process.env.PATH = bin;
  return { policy, bin, log: async () => (await readFile(log, 'utf8').catch(() => '')).trim().split('\n') };
}

const NEEDED = ['sh', 'flock', 'timeout', 'mariadb-dump', 'git', 'ssh-keygen'] as const;

t.test('names the programs that a host lacks, by what its inventory asks for', async (t) => {
  await hostWith(t, ['sh', 'flock', 'timeout', 'gzip'], 'fails');
  const lacks = ['mariadb', 'mariadb-dump', 'git', 'ssh-keygen'] as const;
  t.strictSame(missingPrograms({ audit: LOCAL, offsite: [], compression: auto }), lacks);
  t.strictSame(missingPrograms({ audit: OVER_SSH, offsite: [], compression: { program: 'zlib' } }), [...lacks, 'ssh']);
  t.strictSame(missingPrograms({ audit: LOCAL, offsite: [], compression: { program: 'zstd' } }), [...lacks, 'zstd']);
  t.strictSame(packagesOf(['zstd']), ['zstd']);
  const offsite = [RcloneOffsiteConfig.parse({ name: 'archive', kind: 'rclone', remote: 'archive:backups' })];
  t.strictSame(missingPrograms({ audit: LOCAL, offsite, compression: auto }), [...lacks, 'rclone']);
  t.strictSame(missingPrograms({ audit: LOCAL, offsite: [], compression: { program: 'gzip' } }), lacks);
});

t.test('where nothing may be installed all of them are named at once, with the line that installs them', async (t) => {
  const { log, policy } = await hostWith(t, ['sh', 'flock', 'timeout', 'git', 'pigz'], 'succeeds');
  const host = { audit: OVER_SSH, offsite: [], compression: auto, agent: { installPackages: false } };
  await t.rejects(packageResource(host, policy).inspect(), {
    code: 'program-missing',
    message: 'cannot find the programs mariadb, mariadb-dump, ssh-keygen, ssh on this host',
    hint: /apt-get install --no-install-recommends mariadb-client mariadb-client-core openssh-client; or .*installPackages/,
  });
  t.strictSame(await log(), [''], 'apt-get was not asked');
});

t.test(
  'installs what is missing, asks nobody, and starts no service; the second time there is nothing to do',
  async (t) => {
    for (const apt of ['succeeds', 'needs an update'] as const) {
      const { log, policy } = await hostWith(t, NEEDED, apt);
      await writeFile(policy, '#!/bin/sh\nexit 104\n', { mode: 0o755 });
      const resource = packageResource(
        { audit: LOCAL, offsite: [], compression: auto, agent: { installPackages: true } },
        policy,
      );
      const change = await resource.inspect();
      t.match(change, { action: 'create', kind: 'package', lines: ['+package mariadb-client-core (mariadb)'] });
      t.strictSame(await log(), [''], 'a look changes nothing');
      if (change) await resource.apply(change);
      const said = await log();
      t.match(said[0], /^noninteractive install --no-install-recommends --yes -qq .* -- mariadb-client-core$/);
      t.strictSame(new Set(said.filter((line) => line.startsWith('policy'))), new Set(['policy 101']));
      t.equal(await readFile(policy, 'utf8'), '#!/bin/sh\nexit 104\n', 'the own policy of the host is back');
      t.equal(await resource.inspect(), undefined);
    }
  },
);

t.test('what cannot be installed is told in the words of apt-get, and the policy is as it was', async (t) => {
  const { policy } = await hostWith(t, NEEDED, 'fails');
  const resource = packageResource(
    { audit: LOCAL, offsite: [], compression: auto, agent: { installPackages: true } },
    policy,
  );
  const change = await resource.inspect();
  if (change) {
    await t.rejects(resource.apply(change), {
      code: 'program-missing',
      message: 'cannot install mariadb-client-core: apt-get ended with 100',
      findings: ['E: Unable to locate package'],
    });
  }
  t.notOk(await isServicePolicyLeft(policy));
});

t.test('the policy of a process that is gone counts for nothing, and is taken away', async (t) => {
  for (const own of [undefined, '#!/bin/sh\nexit 104\n']) {
    const { path: folder, remove } = temporaryFolder();
    t.teardown(remove);
    const policy = join(folder, "it's policy-rc.d");
    if (own) await writeFile(policy, own, { mode: 0o755 });
    let left = Buffer.alloc(0);
    let saved: Buffer | undefined;
    await withoutStartingServices(async () => {
      t.equal((await run(policy, ['mysql', 'start'])).exitCode, 101);
      left = await readFile(policy);
      saved = await readFile(`${policy}.before-coffre`).catch(() => undefined);
    }, policy);
    t.notOk(await isServicePolicyLeft(policy));
    // As a process leaves it that is killed: its id is used again by one that started at another time.
    await writeFile(policy, left.toString('utf8').replace(/ = \d+ \]/, ' = 1 ]'), { mode: 0o755 });
    if (saved) await writeFile(`${policy}.before-coffre`, saved, { mode: 0o755 });
    t.equal((await run(policy, ['mysql', 'start'])).exitCode, own ? 104 : 0);
    const everything = await packageResource(
      { audit: LOCAL, offsite: [], compression: auto, agent: { installPackages: true } },
      policy,
    ).inspect();
    t.match(everything?.lines.at(-1), /^-.*policy-rc\.d: left by an installation that was killed$/);
    await restoreServicePolicy(policy);
    t.notOk(await isServicePolicyLeft(policy));
    t.equal(await readFile(policy, 'utf8').catch(() => undefined), own);
  }
});
