/**
 * Makes a clean clone ready: the locked npm packages, then the system programs that the quickstart and the tests run.
 * Plain JavaScript without packages, because it runs before there are any.
 *
 *   node tasks/setup.mjs          what tasks and tests need
 *   node tasks/setup.mjs --lab    what tests alone need; as root, and where namespaces can be made, also their lab of hosts
 *   node tasks/setup.mjs --bench  as root, also what the bench compares with, as far as there is a package
 *   node tasks/setup.mjs --faults  as root, also what shifts the clock of a process for the fault suite
 *   node tasks/setup.mjs --browser  as root, also the browser in which the long tests look at pages
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isRoot = process.getuid?.() === 0;
/** Compressors that Node's own zlib stands in for where they are missing, and what a test is skipped without. */
const OPTIONAL = ['igzip', 'pigz', 'zstd', 'jq', 'promtool', 'rclone', 'zsh'];
/** Programs whose package brings a service, and its units. */
const SERVICES = /** @type {const} */ ([
  ['sshd', 'ssh.service', 'ssh.socket'],
  ['cron', 'cron.service'],
  ['promtool', 'prometheus.service'],
  ['glusterd', 'glusterd.service', 'glustereventsd.service'],
]);

checkNode();
installPackages();
await (await import('../lib/system/typescript.mjs')).enableTypeScript();
const {
  BENCH_PACKAGE_OF,
  BROWSER_PACKAGE_OF,
  FAULTS_PACKAGE_OF,
  findProgram,
  LAB_PACKAGE_OF,
  PACKAGE_OF,
  TEST_PACKAGE_OF,
} = await import('../lib/system/programs.ts');
const forTests = process.argv.includes('--lab');
await installPrograms({
  ...PACKAGE_OF,
  ...(forTests ? TEST_PACKAGE_OF : {}),
  ...(forTests && couldRunTheLab() ? LAB_PACKAGE_OF : {}),
});
const canInstall = isRoot && existsSync('/usr/bin/apt-get');
if (process.argv.includes('--bench') && canInstall)
  installOptional(BENCH_PACKAGE_OF, 'which the bench compares with or measures by');
if (process.argv.includes('--faults') && canInstall)
  installOptional(FAULTS_PACKAGE_OF, 'by which the fault suite lets clocks jump');
if (process.argv.includes('--browser') && canInstall)
  installOptional(BROWSER_PACKAGE_OF, 'in which the long tests look at pages');

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const suits = (major === 20 && minor >= 19) || (major === 22 && minor >= 18) || major >= 24;
  if (!suits) fail(`cannot run on Node ${process.versions.node}`, 'install Node 20.19, 22.18, 24 or later');
}

function installPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.coffre-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing the locked npm packages (npm ci)');
  const { status, error } = start('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (status !== 0)
    fail(`cannot run npm ci: ${error?.message ?? `exit code ${status}`}`, 'look at the lines above, then: npm ci');
  writeFileSync(stamp, wanted);
}

/** An ordinary user cannot run the lab, nor can root of a container that makes no namespaces: they need no more for it. */
function couldRunTheLab() {
  const namespaces = ['--net', '--mount', '--pid', '--fork', 'true'];
  if (isRoot && spawnSync('unshare', namespaces, { stdio: 'ignore' }).status === 0) return true;
  say(`the lab cannot run here, so its programs are not needed: ${isRoot ? 'no namespace can be made' : 'not root'}`);
  return false;
}

/** @param {Partial<typeof PACKAGE_OF & typeof TEST_PACKAGE_OF & typeof LAB_PACKAGE_OF>} packageOf */
async function installPrograms(packageOf) {
  const programs = /** @type {(keyof typeof packageOf)[]} */ (Object.keys(packageOf));
  const missing = programs.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => packageOf[program] ?? ''))].sort();
  const line = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (!isRoot || !existsSync('/usr/bin/apt-get')) {
    if (missing.every((program) => OPTIONAL.includes(program))) return;
    fail(`cannot find the programs ${missing.join(', ')}`, `install them with: ${isRoot ? '' : 'sudo '}${line}`);
  }
  say(`installing Debian packages: ${packages.join(' ')} (no service is started)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  const { withoutStartingServices } = await import('../lib/system/service-policy.ts');
  const isInstalled = await withoutStartingServices(async () => {
    // A signal ends apt-get, which is in the same group, and then this: not before the services may start again.
    let isStopped = false;
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
      process.once(signal, () => {
        isStopped = true;
      });
    if (spawnSync('apt-get', install, { env, stdio: ['ignore', 'ignore', 'ignore'] }).status === 0) return true;
    await new Promise((heard) => setTimeout(heard, 50)); // a signal that came meanwhile is told now
    return !isStopped && [['update', '-qq'], install].every((args) => start('apt-get', args, env).status === 0);
  });
  if (!isInstalled)
    fail('cannot install the packages', `look at the lines above, and at /etc/apt/sources.list: ${line}`);
  // A package turns its service on for the next start of the machine; nobody asked for that here.
  const units = SERVICES.filter(([program]) => missing.includes(program)).flatMap(([, ...names]) => names);
  if (units.length > 0) spawnSync('systemctl', ['disable', ...units], { stdio: 'ignore' });
}

/**
 * Each by itself: what one distribution lacks keeps none of the others away. None of these packages brings a service.
 *
 * @param {Partial<typeof BENCH_PACKAGE_OF & typeof BROWSER_PACKAGE_OF & typeof FAULTS_PACKAGE_OF>} packageOf
 * @param {string} purpose
 */
function installOptional(packageOf, purpose) {
  const programs = /** @type {(keyof typeof BENCH_PACKAGE_OF | keyof typeof BROWSER_PACKAGE_OF)[]} */ (
    Object.keys(packageOf)
  );
  for (const program of programs) {
    if (findProgram(program) !== undefined) continue;
    const name = packageOf[program] ?? program;
    say(`installing the Debian package ${name}, ${purpose}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const args = ['install', '-y', '-qq', '--no-install-recommends', name];
    const install = () => spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'ignore'] }).status === 0;
    if (install()) continue;
    spawnSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' });
    if (!install()) say(`cannot install ${name}: what needs ${program} is left out`);
  }
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function start(program, args, env = process.env) {
  return spawnSync(program, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

/**
 * @param {string} message
 * @param {string} hint
 * @returns {never}
 */
function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(2);
}
