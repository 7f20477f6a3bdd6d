import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import ssh2 from 'ssh2';
import { CoffreError } from '../model/error.ts';
import { assertNotKilled, run } from './command.ts';
import { explained } from './explained.ts';
import { makeFolder, removeDurably, renameDurably, syncFolder, writeDurably } from './files.ts';
import { requireProgram } from './programs.ts';

/**
 * Makes an ed25519 key pair without passphrase, `name` and `name.pub`, in a folder of its own, and gives it the name
 * `folder` when it is whole, so that a killed run leaves no half key behind. `folder` MUST NOT hold a key yet.
 */
export async function makeKeyFolder(folder: string, name: string, comment: string): Promise<void> {
  const draft = `${folder}.partial`;
  await makeFolder(dirname(folder), 0o700);
  await generate(draft, name, comment);
  // A folder without its key is what an interrupted removal leaves: nothing in it is worth keeping.
  await removeDurably(folder);
  await renameDurably(draft, folder);
}

/** Makes an ed25519 key pair without passphrase at `path`, where none MUST be yet; the private half last. */
export async function makeKeyFile(path: string, comment: string): Promise<void> {
  const draft = `${path}.partial`;
  await makeFolder(dirname(path), 0o700);
  await generate(draft, basename(path), comment);
  await writeDurably(`${path}.pub`, await readFile(join(draft, `${basename(path)}.pub`)), 0o644);
  await renameDurably(join(draft, basename(path)), path);
  await removeDurably(draft);
}

/**
 * The public half of a private key without passphrase, as `ssh-ed25519 AAAA…`; undefined when ssh-keygen does not take the
 * file: it is no key, has a passphrase, or others than its owner can read it.
 */
export async function publicHalf(path: string): Promise<string | undefined> {
  const derived = await run(requireProgram('ssh-keygen'), ['-y', '-P', '', '-f', path]);
  assertNotKilled('ssh-keygen', derived);
  const [type, key] = derived.stdout.trim().split(' ');
  return derived.exitCode === 0 && type !== undefined && key !== undefined ? `${type} ${key}` : undefined;
}

/**
 * The same of a key that others can read too, which ssh-keygen would not take: for whoever is about to close it to them.
 * Throws when there is no file.
 */
export async function publicHalfOfOpenKey(path: string): Promise<string | undefined> {
  const content = await readFile(path).catch((error: unknown) => {
    throw explained('read', path, error);
  });
  const key = ssh2.utils.parseKey(content);
  if (key instanceof Error || !key.isPrivateKey()) return undefined;
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

async function generate(folder: string, name: string, comment: string): Promise<void> {
  await removeDurably(folder);
  await makeFolder(folder, 0o700);
  const key = join(folder, name);
  const made = await run(requireProgram('ssh-keygen'), ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', key]);
  if (made.exitCode !== 0) {
    await removeDurably(folder);
    throw new CoffreError(
      'write-failed',
      `cannot make a key in ${dirname(folder)}: ssh-keygen ended with ${made.exitCode}`,
      {
        hint: `look at: df -h ${dirname(folder)}; ls -ld ${dirname(folder)}`,
      },
    );
  }
  await writeDurably(key, await readFile(key), 0o600);
  await syncFolder(folder);
}
