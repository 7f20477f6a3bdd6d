import { createHash } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { Verification } from '../model/manifest.ts';
import type { SftpOffsiteConfig } from '../model/offsite-config.ts';
import type { Sftp } from '../system/sftp.ts';
import type { SshConnection } from '../system/ssh.ts';
import type { ContentFacts } from './offsite.ts';

/** Hashing over there takes its time with a large file; a server that does not run commands answers at once. */
const REHASH_BYTES_PER_MS = 10_000;
const REHASH_LEAST_MS = 30_000;

/** Compares a file that has been sent with what it should be, in the way that the inventory asks for. */
export type CompareArrival = (path: string, facts: ContentFacts & { readonly name: string }) => Promise<Verification>;

/**
 * The comparison for one connection. `auto` has the server hash the file; where it runs no commands, or has another
 * view of the path, the file is read back. What works is found out once. Throws `verification-failed`.
 */
export function arrivalOver(
  connection: SshConnection,
  sftp: Sftp,
  where: string,
  manner: SftpOffsiteConfig['verify'],
): CompareArrival {
  let canRehash = manner === 'auto' || manner === 'rehash';

  async function rehash(path: string, { name, sizeBytes, sha256 }: Parameters<CompareArrival>[1]): Promise<boolean> {
    const timeoutMs = REHASH_LEAST_MS + sizeBytes / REHASH_BYTES_PER_MS;
    // A server may refuse commands outright. Should the connection be broken instead, what comes next will say so.
    const ended = await connection.run(['sha256sum', '--', path], { timeoutMs }).catch(() => undefined);
    const digest = ended?.exitCode === 0 ? /^\\?([0-9a-f]{64}) /.exec(ended.stdout)?.[1] : undefined;
    if (digest !== undefined && digest !== sha256) throw mismatch(where, name);
    return digest !== undefined;
  }

  return async (path, facts) => {
    const sizeBytes = (await sftp.stat(path))?.sizeBytes;
    if (sizeBytes !== facts.sizeBytes) throw mismatch(where, facts.name);
    if (manner === 'size') return 'size only';
    if (canRehash) {
      if (await rehash(path, facts)) return 're-hashed remotely';
      canRehash = false;
    }
    if (manner === 'rehash') throw cannotRehash(where);
    const hash = createHash('sha256');
    for await (const chunk of sftp.download(path)) hash.update(chunk);
    if (hash.digest('hex') !== facts.sha256) throw mismatch(where, facts.name);
    return 'read back';
  };
}

export function mismatch(where: string, name: string): CoffreError {
  return new CoffreError('verification-failed', `cannot trust ${where}: ${name} is not there as it was sent`, {
    hint: `look at the disk and the free space of ${where}; the next run sends it again`,
  });
}

function cannotRehash(where: string): CoffreError {
  return new CoffreError('offsite-unreachable', `cannot have ${where} hash what it holds: it runs no sha256sum`, {
    hint: 'set verify: auto for this offsite in inventory/hosts, which reads the copy back instead',
  });
}
