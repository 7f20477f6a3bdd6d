import { randomBytes } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import { RunId } from '../model/run-id.ts';
import type { Bytes } from '../model/stages.ts';
import type { Sftp } from '../system/sftp.ts';
import { statusOf } from '../system/sftp-extensions.ts';
import type { FarHashing } from './far-hashing.ts';
import type { Offsite, RunUpload } from './offsite.ts';
import { assertFileName } from './run-names.ts';
import { sftpFiles } from './sftp-files.ts';
import { alreadyThere, type SftpPlace } from './sftp-place.ts';
import { sftpReader } from './sftp-reader.ts';

/** Beside the files of a run that is complete: their digests, as sha256sum prints and checks them. */
export const DONE_MARK = '.done';
/** More than the digests of a run's files ever have. */
const MARK_BYTES = 1024 * 1024;

/** The folder of one upload of a run. */
interface Attempt {
  readonly run: RunId;
  readonly name: string;
}

/**
 * An account that can neither rename nor remove. Each upload of a run has a folder of its own, `<run>.<8 hex digits>`, and a
 * small file in it says when it is complete; a folder without it is none to any reader. An upload that was cut goes on in its folder
 * where the server lets a file be written on, and begins anew in another where it does not. What was left stays, for the owner of the
 * server to remove.
 */
export function appendOnlyOffsite({ link, root, where, manner, weaknesses }: SftpPlace, hashing: FarHashing): Offsite {
  const attempts = async () => {
    const entries = await link.persist(({ sftp }) => sftp.list(root));
    const found = entries.flatMap(({ name, kind }) => (kind === 'folder' ? attemptOf(name) : []));
    const marks = await link.persist(({ sftp }) =>
      inTurns(found, ({ name }) => sftp.stat(`${root}/${name}/${DONE_MARK}`)),
    );
    return found.map((attempt, index) => ({ ...attempt, isDone: marks[index]?.kind === 'file' }));
  };
  const doneOf = async (run: RunId) => (await attempts()).filter((each) => each.run === run && each.isDone);
  const listRuns = async () => sorted((await attempts()).filter(({ isDone }) => isDone));

  /** One that was left, where it can be gone on with; else a new one. */
  const attemptFor = async (sftp: Sftp, run: RunId, left: readonly Attempt[]) => {
    for (const { name } of left) {
      const files = await sftp.list(`${root}/${name}`);
      if (await canGoOn(sftp, `${root}/${name}`, files))
        return { name, files: new Set(files.map((file) => file.name)) };
    }
    const name = `${run}.${randomBytes(4).toString('hex')}`;
    await sftp.makeFolder(`${root}/${name}`);
    return { name, files: new Set<string>() };
  };

  return {
    where,
    weaknesses: () => [...weaknesses],
    close: () => link.close(),
    listRuns,
    async listPartials() {
      const all = await attempts();
      const runs = new Set(sorted(all.filter(({ isDone }) => isDone)));
      return sorted(all).filter((run) => !runs.has(run));
    },
    async beginRun(run): Promise<RunUpload> {
      const made = await link.persist(async ({ sftp }) => (await sftp.stat(root)) !== undefined);
      const all = made ? (await attempts()).filter((each) => each.run === run) : [];
      if (all.some(({ isDone }) => isDone)) throw alreadyThere(where, run);
      const { name, files } = await link.persist(({ sftp }) => attemptFor(sftp, run, all));
      const folder = `${root}/${name}`;
      const sending = sftpFiles({ link, folder, left: files, where, manner, hashing, weaknesses });
      const sums = new Map<string, string>();
      return {
        async put(file, content, facts) {
          const verification = await sending.put(file, content, facts);
          sums.set(file, (await facts()).sha256);
          return verification;
        },
        async commit() {
          if ((await doneOf(run)).length > 0) throw alreadyThere(where, run);
          const mark = Buffer.from([...sums].map(([file, sha256]) => `${sha256}  ${file}\n`).join(''));
          await link.persist(async ({ sftp }) => {
            const path = `${folder}/${DONE_MARK}`;
            if ((await sftp.stat(path))?.sizeBytes === mark.length) return; // the answer may be what was lost
            await sftp.upload(path, once(mark));
          });
        },
        discard: async () => undefined,
      };
    },
    async openRun(run) {
      const done = await doneOf(run);
      const readers = done.map(({ name }) => sftpReader(link, `${root}/${name}`, where));
      for (const [index, { name }] of done.entries()) {
        const mark = await link.persist(({ sftp }) => readMark(sftp, `${root}/${name}`));
        if (mark !== undefined) return readers[index];
      }
      return undefined;
    },
    async addFile(run, name, content) {
      assertFileName(name);
      const [attempt] = await doneOf(run);
      if (!attempt) throw new Error(`no finished run ${run} to add to`);
      const path = `${root}/${attempt.name}/${name}`;
      await link.persist(async ({ sftp }) => {
        const there = await sftp.stat(path);
        if (!there) return await sftp.upload(path, once(content));
        if (there.sizeBytes === content.length) return; // the answer may be what was lost
        throw new CoffreError(
          'refused',
          `cannot add ${name} to ${where}: half of it is there, and nothing can be replaced`,
          {
            hint: `have its owner remove ${path}, then run it again`,
          },
        );
      });
    },
    async removeRun(run) {
      throw new CoffreError('refused', `cannot remove the run ${run} from ${where}: nothing can be removed there`, {
        hint: 'its owner can; see which: npx zx tasks/prune.ts --dry-run',
      });
    },
    removePartial: async () => undefined,
  };
}

function attemptOf(name: string): Attempt[] {
  const [, id, token] = /^(.*)\.([0-9a-f]{8})$/.exec(name) ?? [];
  const run = RunId.safeParse(id).data;
  return run === undefined || token === undefined ? [] : [{ run, name }];
}

function sorted(attempts: readonly Attempt[]): readonly RunId[] {
  return [...new Set(attempts.map(({ run }) => run))].sort();
}

/** Whether the server takes more of a file that is there: asked for by writing nothing. */
async function canGoOn(
  sftp: Sftp,
  folder: string,
  files: readonly { name: string; kind: string; sizeBytes: number }[],
) {
  const [largest] = files.filter(({ kind }) => kind === 'file').sort((a, b) => b.sizeBytes - a.sizeBytes);
  if (!largest || largest.sizeBytes === 0) return largest === undefined;
  try {
    await sftp.upload(`${folder}/${largest.name}`, once(Buffer.alloc(0)), { from: largest.sizeBytes });
    return true;
  } catch (error) {
    if (statusOf(error) === undefined) throw error;
    return false;
  }
}

/** undefined for a mark that names nothing as sha256sum does: whoever wrote it, it was not this. */
async function readMark(sftp: Sftp, folder: string): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of sftp.download(`${folder}/${DONE_MARK}`, 0, MARK_BYTES)) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('latin1');
  return /^([0-9a-f]{64} {2}[^\n/]+\n)*$/.test(text) ? text : undefined;
}

const TURN = 32;

/** Many questions at a time: one after another would wait for the network each time. */
async function inTurns<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<readonly R[]> {
  const answers: R[] = [];
  for (let at = 0; at < items.length; at += TURN)
    answers.push(...(await Promise.all(items.slice(at, at + TURN).map(ask))));
  return answers;
}

async function* once(content: Buffer): Bytes {
  if (content.length > 0) yield content;
}
