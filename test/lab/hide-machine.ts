import { link, lstat, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CoffreError, errnoOf } from '../../lib/model/error.ts';
import { run } from '../../lib/system/command.ts';
import { requireProgram } from '../../lib/system/programs.ts';

const SYSTEM = ['bin', 'etc', 'lib', 'lib32', 'lib64', 'libx32', 'sbin', 'usr', 'var'];
const PACKAGE_STATE = ['apt', 'dpkg', 'pam', 'polkit-1', 'python', 'ucf'];
const PROGRAM_FOLDERS = ['usr/bin', 'usr/sbin', 'bin', 'sbin'];
const RUNTIMES = ['bun', 'corepack', 'deno', 'node', 'nodejs', 'npm', 'npx', 'pnpm', 'tsx', 'yarn', 'yarnpkg', 'zx'];
/** In /etc: what belongs to this machine alone, what would change logins, what would run by itself. */
const OWN_SETTINGS =
  /^(coffre|cron\.(d|daily|hourly|monthly|weekly|yearly)|crontab|environment|gitconfig|hostname|hosts|letsencrypt|machine-id|mysql|npmrc|pip\.conf|profile\.d|resolv\.conf|sudoers|sudoers\.d)$/;

/**
 * Fills the upper folder of an overlay with whiteouts over `/`, so that a host looks like a Debian that was just
 * installed: the system's own files and the packages' state stay, and no data, no setting, no secret and no Node of
 * this machine is seen. A folder that is made over a whiteout later hides all that was in it.
 * Source: the kernel's Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
 */
export async function hideMachine(upper: string): Promise<void> {
  await mkdir(upper, { recursive: true, mode: 0o755 });
  const hide = await whiteoutsIn(upper);
  await hide('', (name) => !SYSTEM.includes(name));
  await hide('var', (name) => name !== 'lib');
  await hide('var/lib', (name) => !PACKAGE_STATE.includes(name));
  await hide('usr', (name) => name === 'local' || name === 'src');
  await hide('usr/lib', (name) => name === 'node_modules');
  await hide('usr/share', (name) => name === 'nodejs');
  await hidePrograms(upper, RUNTIMES);
  await hide('etc', (name) => OWN_SETTINGS.test(name));
  await hide('etc/ssh', (name) => name.startsWith('ssh_host_') || name === 'sshd_config' || name === 'sshd_config.d');
  await hideWhatIsPrivate('etc', hide);
  for (const name of ['shadow', 'gshadow']) await withoutPasswords(join('/etc', name), join(upper, 'etc', name));
}

/** Takes programs away from a host, in every folder where the machine may have them. */
export async function hidePrograms(upper: string, programs: readonly string[]): Promise<void> {
  const hide = await whiteoutsIn(upper);
  for (const folder of PROGRAM_FOLDERS) {
    if ((await lstat(join('/', folder))).isDirectory()) await hide(folder, (name) => programs.includes(name));
  }
}

type Hide = (folder: string, isHidden: (name: string) => boolean) => Promise<void>;

async function whiteoutsIn(upper: string): Promise<Hide> {
  const first = `${upper}.whiteout`;
  const made = await run(requireProgram('mknod'), [first, 'c', '0', '0']);
  if (made.exitCode !== 0 && !/File exists/.test(made.stderr))
    throw new CoffreError('unexpected', `cannot make a whiteout: ${made.stderr.trim()}`);
  return async (folder, isHidden) => {
    const names = (await readdir(join('/', folder))).filter(isHidden);
    if (names.length > 0) await makeLike(upper, folder);
    for (const name of names) {
      await link(first, join(upper, folder, name)).catch((error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
      });
    }
  };
}

/** A folder of the upper layer gives its own mode to the merged one. */
async function makeLike(upper: string, folder: string): Promise<void> {
  if (folder === '' || folder === '.') return;
  await makeLike(upper, dirname(folder));
  const { mode } = await stat(join('/', folder));
  await mkdir(join(upper, folder), { mode: mode & 0o7777 }).catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error;
  });
}

/** What not everybody may read on this machine is nobody's business in a host. */
async function hideWhatIsPrivate(folder: string, hide: Hide): Promise<void> {
  const entries = await readdir(join('/', folder), { withFileTypes: true });
  const secret = new Set<string>();
  for (const entry of entries) {
    if (entry.isSymbolicLink() || (folder === 'etc' && OWN_SETTINGS.test(entry.name))) continue;
    const path = join(folder, entry.name);
    const { mode } = await lstat(join('/', path));
    if ((mode & 0o004) === 0) secret.add(entry.name);
    else if (entry.isDirectory()) await hideWhatIsPrivate(path, hide);
  }
  await hide(folder, (name) => secret.has(name) && !(folder === 'etc' && /^g?shadow$/.test(name)));
}

async function withoutPasswords(from: string, to: string): Promise<void> {
  const lines = (await readFile(from, 'utf8')).split('\n');
  const locked = lines.map((line) => line.replace(/^([^:]+):[^:]*:/, '$1:*:'));
  await writeFile(to, locked.join('\n'), { mode: 0o640 });
}
