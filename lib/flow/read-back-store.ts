import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { folderReader } from '../storage/run-folders.ts';
import { partialName } from '../storage/run-names.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { drain } from '../system/bytes.ts';
import { run as runProgram } from '../system/command.ts';
import { sha256Of } from '../system/files.ts';
import { requireProgram } from '../system/programs.ts';
import type { BackupContext } from './backup-context.ts';
import type { Draft } from './journal.ts';
import { metered } from './metered.ts';
import { readSealed } from './read-sealed.ts';
import { vouchedFiles } from './run-files.ts';

/**
 * Reads every file of a run that is being written once more from the volume, and compares it with what the manifest is going
 * to say. The host's own pages of it are dropped first: what they have was never at a brick. Throws `verification-failed`.
 */
export async function readBackStore(
  path: string,
  draft: Draft,
  { emit, signal }: Pick<BackupContext, 'emit' | 'signal'>,
): Promise<void> {
  const folder = join(path, partialName(draft.run));
  const reader = folderReader(folder);
  const files = vouchedFiles(draft, 'store');
  for (const name of files.keys()) await dropPages(join(folder, name));
  for (const archive of draft.archives) {
    signal.throwIfAborted();
    const subject = `${archive.file}, read back`;
    const meter = { emit, phase: 'dump', subject, totalBytes: archive.sealedBytes, signal };
    const reading = { watch: (bytes: Bytes) => metered(bytes, meter), passing: 'watched' } as const;
    await drain(await readSealed(reader, archive, reading));
    files.delete(archive.file);
  }
  for (const [name, sha256] of files) await compareSmall(reader, name, sha256);
}

async function compareSmall(reader: RunReader, name: string, sha256: string): Promise<void> {
  const content = await readSmall(reader, name);
  if (content && sha256Of(content) === sha256) return;
  const why = content ? 'it holds other bytes than were written' : 'it is not there any more';
  throw new CoffreError('verification-failed', `cannot trust ${name} in ${reader.where}: ${why}`, {
    hint: `look at: ls -la ${reader.where}; findmnt -T ${reader.where}; dmesg | tail`,
  });
}

/** POSIX_FADV_DONTNEED of a file that is on the disk already: Node has no call for it. Source: dd(1), oflag=nocache. */
async function dropPages(file: string): Promise<void> {
  const words = [
    `of=${file}`,
    'oflag=nocache',
    'conv=notrunc,nocreat,fdatasync',
    'count=0',
    'if=/dev/null',
    'status=none',
  ];
  const { exitCode, stderr } = await runProgram(requireProgram('dd'), words);
  if (exitCode === 0) return;
  throw new CoffreError('store-unreachable', `cannot read ${file} back: ${stderr.trim().split('\n').at(-1)}`, {
    hint: `look at: ls -la ${file}; dmesg | tail`,
  });
}
