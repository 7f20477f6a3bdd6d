import { stat } from 'node:fs/promises';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { SftpOffsiteConfig } from '../model/offsite-config.ts';
import type { RunId } from '../model/run-id.ts';
import { explained } from '../system/explained.ts';
import { readRequired } from '../system/files.ts';
import type { Sftp } from '../system/sftp.ts';
import { isDenied } from '../system/sftp-extensions.ts';
import { connectSsh, type SshTarget } from '../system/ssh.ts';
import { appendOnlyOffsite } from './append-only-offsite.ts';
import { FarHashing } from './far-hashing.ts';
import type { Offsite } from './offsite.ts';
import { assertFileName, partialName, runsAmong } from './run-names.ts';
import { sftpFiles } from './sftp-files.ts';
import { SftpLink } from './sftp-link.ts';
import { alreadyThere, type SftpPlace } from './sftp-place.ts';
import { sftpReader } from './sftp-reader.ts';

interface Access {
  /** Of the identity file, when it has one. */
  readonly passphrase?: string;
  readonly signal?: AbortSignal;
}

/**
 * Connects to a contractor's SSH server. It needs to know SFTP and nothing more. A connection that is lost later is made anew, for as
 * long as the inventory has patience, and what was cut goes on from what has arrived.
 *
 * Throws `offsite-unreachable`, `host-key` when the server shows another key than the pinned one, `refused` when
 * others can read the identity file.
 */
export async function openSftpOffsite(
  config: SftpOffsiteConfig,
  { passphrase, signal }: Access = {},
): Promise<Offsite> {
  const { address, port, user, hostKey, silenceSeconds, reconnectSeconds } = config;
  const target: SshTarget = {
    ...{ address, port, user, hostKey },
    identity: await readIdentity(config.identity),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(signal === undefined ? {} : { signal }),
    silenceMs: silenceSeconds * 1000,
    unreachable: 'offsite-unreachable',
  };
  const link = await SftpLink.open(() => connectSsh(target), { patienceMs: reconnectSeconds * 1000, signal });
  const where = `${config.name} (${user}@${address}:${config.path})`;
  const place = { link, root: config.path, where, manner: config.verify, weaknesses: new Set<string>() };
  const hashing = new FarHashing(config.verify);
  return config.appendOnly ? appendOnlyOffsite(place, hashing) : renamingOffsite(place, hashing);
}

/** Each upload has a hidden folder, which gets the name of its run when it is complete. */
function renamingOffsite(place: SftpPlace, hashing: FarHashing): Offsite {
  const { link, root, where, weaknesses } = place;
  const finalPath = (run: RunId) => `${root}/${run}`;
  const partialPath = (run: RunId) => `${root}/${partialName(run)}`;
  const runs = () => link.persist(async ({ sftp }) => runsAmong((await sftp.list(root)).map(({ name }) => name)));
  const isThere = (run: RunId) => link.persist(async ({ sftp }) => (await sftp.stat(finalPath(run))) !== undefined);

  return {
    where,
    weaknesses: () => [...weaknesses],
    close: () => link.close(),
    listRuns: async () => (await runs()).complete,
    listPartials: async () => (await runs()).partial,
    async beginRun(run) {
      if (await isThere(run)) throw alreadyThere(where, run);
      const left = await link.persist(({ sftp }) => namesLeft(sftp, partialPath(run)));
      const files = sftpFiles({ ...place, hashing, folder: partialPath(run), left });
      let renaming = false;
      return {
        put: files.put,
        async commit() {
          await files.removeStrays();
          await link.persist(async ({ sftp }) => {
            const [final, partial] = [finalPath(run), partialPath(run)];
            // The answer to the rename may be what was lost.
            if (renaming && (await sftp.stat(final)) && !(await sftp.stat(partial))) return;
            if (await sftp.stat(final)) throw alreadyThere(where, run);
            renaming = true;
            await sftp.rename(partial, final).catch(orAppendOnly);
            if (sftp.renamesOver()) weaknesses.add(`${where} renames only so that an empty folder may be replaced`);
          });
        },
        discard: () => link.persist(({ sftp }) => sftp.removeFolder(partialPath(run))),
      };
    },
    openRun: async (run) => ((await isThere(run)) ? sftpReader(link, finalPath(run), where) : undefined),
    async addFile(run, name, content) {
      assertFileName(name);
      const path = `${finalPath(run)}/${name}`;
      const partial = `${finalPath(run)}/${name}.partial`;
      await link.persist(async ({ sftp }) => {
        if (await sftp.stat(path)) return; // the answer may be what was lost
        if (await sftp.stat(partial)) await sftp.removeFile(partial);
        await sftp.upload(partial, once(content));
        await sftp.rename(partial, path);
      });
    },
    removeRun: (run) =>
      link.persist(async ({ sftp }) => {
        // Renamed first: a run that is half removed must not look like one.
        if (!(await sftp.stat(finalPath(run)))) return await sftp.removeFolder(partialPath(run));
        await sftp.removeFolder(partialPath(run));
        await sftp.rename(finalPath(run), partialPath(run));
        await sftp.removeFolder(partialPath(run));
      }),
    removePartial: (run) => link.persist(({ sftp }) => sftp.removeFolder(partialPath(run))),
  };
}

async function* once(content: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield content;
}

function orAppendOnly(error: unknown): never {
  if (!isDenied(error)) throw error;
  const { code, message } = asCoffreError(error);
  const hint = 'an account that is meant to rename nothing: appendOnly: true for this offsite in inventory/hosts';
  throw new CoffreError(code, message, { hint, cause: error });
}

/** Makes the folder, or tells what an earlier try has left in it. */
async function namesLeft(sftp: Sftp, folder: string): Promise<ReadonlySet<string>> {
  if (await sftp.stat(folder)) return new Set((await sftp.list(folder)).map(({ name }) => name));
  await sftp.makeFolder(folder);
  return new Set();
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
