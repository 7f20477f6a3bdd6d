import { stat } from 'node:fs/promises';
import { CoffreError } from '../model/error.ts';
import type { SftpOffsiteConfig } from '../model/offsite-config.ts';
import type { RunId } from '../model/run-id.ts';
import type { Bytes } from '../model/stages.ts';
import { explained } from '../system/explained.ts';
import { readRequired } from '../system/files.ts';
import type { Sftp } from '../system/sftp.ts';
import { connectSsh } from '../system/ssh.ts';
import { Arrivals } from './arrival.ts';
import type { Offsite, RunUpload } from './offsite.ts';
import { assertFileName, isFileName, partialName, runsAmong } from './run-names.ts';
import type { RunReader } from './run-reader.ts';

interface Access {
  /** Of the identity file, when it has one. */
  readonly passphrase?: string;
  readonly signal?: AbortSignal;
}

/**
 * Connects to a contractor's SSH server. It needs to know SFTP and nothing more.
 *
 * Throws `offsite-unreachable`, `host-key` when the server shows another key than the pinned one, `refused` when
 * others can read the identity file.
 */
export async function openSftpOffsite(
  config: SftpOffsiteConfig,
  { passphrase, signal }: Access = {},
): Promise<Offsite> {
  const { address, port, user, hostKey } = config;
  const connection = await connectSsh({
    ...{ address, port, user, hostKey },
    identity: await readIdentity(config.identity),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(signal === undefined ? {} : { signal }),
    unreachable: 'offsite-unreachable',
  });
  try {
    const sftp = await connection.sftp();
    const where = `${config.name} (${user}@${address}:${config.path})`;
    const arrivals = new Arrivals(connection, sftp, where, config.verify);
    return overSftp({ sftp, root: config.path, where, arrivals, close: () => connection.close() });
  } catch (error) {
    connection.close();
    throw error;
  }
}

interface Session {
  readonly sftp: Sftp;
  readonly root: string;
  readonly where: string;
  readonly arrivals: Arrivals;
  readonly close: () => void;
}

function overSftp({ sftp, root, where, arrivals, close }: Session): Offsite {
  const finalPath = (run: RunId) => `${root}/${run}`;
  const partialPath = (run: RunId) => `${root}/${partialName(run)}`;
  const runs = async () => runsAmong((await sftp.list(root)).map(({ name }) => name));
  const refuseIfThere = async (run: RunId) => {
    if (await sftp.stat(finalPath(run))) throw alreadyThere(where, run);
  };

  function upload(run: RunId): RunUpload {
    return {
      async put(name, content, facts) {
        assertFileName(name);
        const path = `${partialPath(run)}/${name}`;
        const { mark, compare } = await arrivals.begin(path);
        try {
          await sftp.upload(path, Buffer.isBuffer(content) ? once(content) : content, (bytes) => mark.rise(bytes));
          mark.end();
        } catch (error) {
          mark.fail(error);
          throw error;
        }
        return await compare({ name, ...(await facts()) });
      },
      async commit() {
        await refuseIfThere(run);
        await sftp.rename(partialPath(run), finalPath(run));
      },
      discard: () => sftp.removeFolder(partialPath(run)),
    };
  }

  return {
    where,
    close,
    listRuns: async () => (await runs()).complete,
    listPartials: async () => (await runs()).partial,
    async beginRun(run) {
      await refuseIfThere(run);
      await sftp.removeFolder(partialPath(run));
      await sftp.makeFolder(partialPath(run));
      return upload(run);
    },
    openRun: async (run) => ((await sftp.stat(finalPath(run))) ? sftpReader(sftp, finalPath(run), where) : undefined),
    async removeRun(run) {
      // Renamed first: a run that is half removed must not look like one.
      if (!(await sftp.stat(finalPath(run)))) return;
      await sftp.removeFolder(partialPath(run));
      await sftp.rename(finalPath(run), partialPath(run));
      await sftp.removeFolder(partialPath(run));
    },
    removePartial: (run) => sftp.removeFolder(partialPath(run)),
  };
}

function sftpReader(sftp: Sftp, folder: string, where: string): RunReader {
  return {
    where: `${where}, ${folder}`,
    list: async () =>
      (await sftp.list(folder))
        .map(({ name }) => name)
        .filter(isFileName)
        .sort(),
    async sizeOf(name) {
      assertFileName(name);
      return await sizeOfFile(sftp, `${folder}/${name}`, where);
    },
    async *read(name, start, bytes) {
      assertFileName(name);
      await sizeOfFile(sftp, `${folder}/${name}`, where);
      yield* sftp.download(`${folder}/${name}`, start, bytes);
    },
  };
}

/** undefined when there is none. A pipe or a device over there would keep its reader waiting for ever: never opened. */
async function sizeOfFile(sftp: Sftp, path: string, where: string): Promise<number | undefined> {
  const found = await sftp.statTarget(path);
  if (found === undefined || found.kind === 'file') return found?.sizeBytes;
  throw new CoffreError('verification-failed', `cannot read ${path} of ${where}: it is not a regular file`, {
    hint: 'take another copy of the run',
  });
}

async function* once(content: Buffer): Bytes {
  yield content;
}

/** A private key that others can read is no longer one. */
async function readIdentity(path: string): Promise<Buffer> {
  const content = await readRequired(
    path,
    `make it with: ssh-keygen -t ed25519 -N '' -f ${path}, and give its public half to the offsite`,
  );
  const { mode } = await stat(path).catch((error: unknown) => {
    throw explained('look at', path, error);
  });
  if ((mode & 0o077) === 0) return content;
  throw new CoffreError('refused', `cannot use ${path}: others than its owner can read it`, {
    hint: `chmod 600 ${path}; and make a new key if others are on this machine`,
  });
}

function alreadyThere(where: string, run: RunId): CoffreError {
  return new CoffreError('refused', `cannot send the run ${run}: ${where} has it already`, {
    hint: 'a run is never sent over another; see what is there: npx zx tasks/list.ts --from offsite:<name>',
  });
}
