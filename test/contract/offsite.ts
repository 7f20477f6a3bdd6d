import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Test } from 'tap';
import type { Verification } from '../../lib/model/manifest.ts';
import { RunId } from '../../lib/model/run-id.ts';
import type { Bytes } from '../../lib/model/stages.ts';
import type { Offsite, RunUpload } from '../../lib/storage/offsite.ts';
import { readSmall } from '../../lib/storage/run-reader.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { chunked, collect } from '../bytes.ts';
import { resumableOf, SEGMENT, watchedResumable } from '../fixture/resumable-of.ts';

const RUN = RunId.parse('2026-11-22T040000Z');
const LATER = RunId.parse('2026-11-23T040000Z');

export interface OffsiteUnderTest {
  readonly name: string;
  /** An offsite over a local folder that exists, so that the suite can look at what it does. */
  readonly open: (folder: string) => Promise<Offsite>;
  readonly verified: Verification;
  /** Whether an upload goes on where an earlier one was cut, and does not begin again. */
  readonly resumes: boolean;
  /** Where the folder is that the offsite stores into; one of the test's own if absent. */
  readonly root?: (t: Test) => string;
  /** How a finished run is told from others: by its name alone if absent. */
  readonly layout?: Layout;
  /** Whether it shows only folders and files, as an object store has them, and neither links nor pipes. */
  readonly onlyFiles?: boolean;
}

interface Layout {
  /** The folder of a run, finished or not. */
  readonly pathOf: (root: string, run: RunId, state: 'finished' | 'partial') => string;
  /** Makes a finished run by hand. Returns its folder. */
  readonly make: (root: string, run: RunId) => string;
  /** Whether nothing is ever removed, and only its owner could. */
  readonly keepsAll: boolean;
}

const BY_NAME: Layout = {
  pathOf: (root, run, state) => join(root, state === 'finished' ? run : `.${run}.partial`),
  make(root, run) {
    mkdirSync(join(root, run));
    return join(root, run);
  },
  keepsAll: false,
};

/** Each upload has a folder of its own, and the finished ones a `.done` in it. */
export const BY_MARK: Layout = {
  pathOf(root, run, state) {
    const wanted = readdirSync(root).filter(
      (name) => name.startsWith(`${run}.`) && existsSync(join(root, name, '.done')) === (state === 'finished'),
    );
    return join(root, wanted.at(-1) ?? 'none');
  },
  make(root, run) {
    const folder = join(root, `${run}.0123abcd`);
    mkdirSync(folder);
    writeFileSync(join(folder, '.done'), '');
    return folder;
  },
  keepsAll: true,
};

/** A run has its folder from the beginning, and is finished once its manifest is in it. */
export const BY_MANIFEST: Layout = {
  pathOf: (root, run) => join(root, run),
  make(root, run) {
    const folder = join(root, run);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'manifest.json'), '{}');
    return folder;
  },
  keepsAll: false,
};

const factsOf = (content: Buffer) => async () => ({ sizeBytes: content.length, sha256: sha256Of(content) });
const putSmall = (upload: RunUpload, name: string, content: Buffer) => upload.put(name, content, factsOf(content));
const putManifest = (upload: RunUpload) => putSmall(upload, 'manifest.json', Buffer.from('{}'));

function ownFolder(t: Test): string {
  return join(t.testdir({ 'in it': {} }), 'in it');
}

/** What every kind of offsite must do. `folder` is what the offsite at hand stores into. */
export function offsiteContract(t: Test, kind: OffsiteUnderTest): void {
  const { name, open, verified, resumes, layout = BY_NAME, root: rootOf = ownFolder, onlyFiles = false } = kind;
  const { pathOf, make, keepsAll } = layout;
  const isEmpty = (t: Test, folder: string) => keepsAll || t.same(readdirSync(folder), []);
  const within = (says: string, check: (t: Test, offsite: Offsite, folder: string) => Promise<void>) =>
    t.test(`${name}: ${says}`, async (t) => {
      const root = rootOf(t);
      const offsite = await open(root);
      try {
        await check(t, offsite, root);
      } finally {
        offsite.close();
      }
    });

  within('shows a run only once it is committed, and gives back what it was given', async (t, offsite, folder) => {
    const content = randomBytes(3_000_001);
    const upload = await offsite.beginRun(RUN);
    let ended = false;
    const source = async function* (start: number): Bytes {
      yield* chunked(content.subarray(start), [65536, 1]);
      ended = true;
    };
    const facts = async () => {
      t.ok(ended, 'its facts are asked for once it has ended');
      return await factsOf(content)();
    };
    t.equal(await upload.put('encrypted.dat', resumableOf(content, source), facts), verified);
    t.equal(await putSmall(upload, '@accounts%20.enc', Buffer.from('x')), verified);
    t.equal(await putSmall(upload, 'empty', Buffer.alloc(0)), verified);
    await putManifest(upload);
    t.same(await offsite.listRuns(), []);
    t.equal(await offsite.openRun(RUN), undefined);
    t.same(await offsite.listPartials(), [RUN]);
    await upload.commit();
    t.same(await offsite.listRuns(), [RUN]);
    t.same(await offsite.listPartials(), []);
    t.same(readdirSync(folder), [basename(pathOf(folder, RUN, 'finished'))]);

    const reader = await offsite.openRun(RUN);
    if (!reader) throw new Error('the run is not there');
    t.same(await reader.list(), ['@accounts%20.enc', 'empty', 'encrypted.dat', 'manifest.json']);
    t.equal(await reader.sizeOf('encrypted.dat'), content.length);
    t.equal(await reader.sizeOf('none'), undefined);
    t.ok((await collect(reader.read('encrypted.dat'))).equals(content));
    t.ok((await collect(reader.read('encrypted.dat', 2_000_000, 5000))).equals(content.subarray(2_000_000, 2_005_000)));
    t.ok((await collect(reader.read('encrypted.dat', 3_000_000))).equals(content.subarray(3_000_000)));
    t.equal((await readSmall(reader, 'manifest.json'))?.toString(), '{}');
    t.equal(await readSmall(reader, 'none'), undefined);
    await t.rejects(collect(reader.read('none')), { code: 'not-found' });
    await t.rejects(async () => collect(reader.read('../etc')), /not the name of a file/);
  });

  within('adds a small file to a finished run, once, and changes nothing else of it', async (t, offsite, folder) => {
    const upload = await offsite.beginRun(RUN);
    await putSmall(upload, 'encrypted.dat', Buffer.from('content'));
    await putManifest(upload);
    await upload.commit();
    const [added, other] = [randomBytes(512), randomBytes(512)];
    await offsite.addFile(RUN, 'auditor-0123456789abcdef.key.enc', added);
    await offsite.addFile(RUN, 'auditor-0123456789abcdef.key.enc', other);
    const reader = await offsite.openRun(RUN);
    if (!reader) throw new Error('the run is not there');
    t.same(await reader.list(), ['auditor-0123456789abcdef.key.enc', 'encrypted.dat', 'manifest.json']);
    t.strictSame(await readSmall(reader, 'auditor-0123456789abcdef.key.enc'), added);
    t.equal((await readSmall(reader, 'encrypted.dat'))?.toString(), 'content');
    t.same(await offsite.listRuns(), [RUN]);
    t.same(readdirSync(folder).length, 1);
    await t.rejects(async () => offsite.addFile(RUN, '../etc', added), /not the name of a file/);
  });

  within('opens nothing that is no file, which may keep a reader waiting for ever', async (t, offsite, folder) => {
    const run = make(folder, RUN);
    const at = (name: string) => join(run, name);
    mkdirSync(at('folder'));
    execFileSync('mkfifo', [at('pipe')]);
    writeFileSync(at('file'), 'content');
    for (const [link, target] of Object.entries({ toFile: 'file', toPipe: 'pipe', toNothing: 'none' }))
      symlinkSync(target, at(link));
    const reader = await offsite.openRun(RUN);
    if (!reader) throw new Error('the run is not there');
    if (onlyFiles) {
      // What is no file is not there, or an empty one; a link may be followed over there. None keeps a reader waiting.
      for (const name of ['pipe', 'toPipe', 'toNothing']) {
        const found = await collect(reader.read(name)).catch(({ code }: { code?: string }) =>
          t.equal(code, 'not-found'),
        );
        if (Buffer.isBuffer(found)) t.equal(found.length, 0, name);
      }
    }
    for (const name of onlyFiles ? ['folder'] : ['folder', 'pipe', 'toPipe']) {
      const refused = { code: 'verification-failed', message: /not a regular file$/, hint: /./ };
      await t.rejects(reader.sizeOf(name), refused, name);
      await t.rejects(collect(reader.read(name)), refused, name);
    }
    if (onlyFiles) return;
    t.equal(await reader.sizeOf('toFile'), 7);
    t.equal((await readSmall(reader, 'toFile'))?.toString(), 'content');
    t.equal(await reader.sizeOf('toNothing'), undefined);
  });

  within('refuses to write over a run that is there', async (t, offsite, folder) => {
    const there = make(folder, RUN);
    const before = readdirSync(there);
    await t.rejects(offsite.beginRun(RUN), { code: 'refused', hint: /./ });
    const upload = await offsite.beginRun(LATER);
    await putSmall(upload, 'a', Buffer.from('a'));
    await putManifest(upload);
    const faster = make(folder, LATER); // somebody else's
    writeFileSync(join(faster, 'theirs'), '');
    const theirs = readdirSync(faster);
    await t.rejects(upload.commit(), { code: 'refused' });
    t.same(readdirSync(faster), theirs);
    t.same(readdirSync(there), before);
  });

  within('says when what arrived is not what was sent', async (t, offsite, folder) => {
    const upload = await offsite.beginRun(RUN);
    const facts = factsOf(Buffer.from('as it was'));
    const content = Buffer.from(verified === 'size only' ? 'longer than it was' : 'as it is!');
    await t.rejects(upload.put('encrypted.dat', content, facts), { code: 'verification-failed' });
    await upload.discard();
    isEmpty(t, folder);
    t.same(await offsite.listRuns(), []);
  });

  within('passes the failure of a source on, and leaves nothing under a final name', async (t, offsite, folder) => {
    const upload = await offsite.beginRun(RUN);
    const source = async function* (): Bytes {
      yield randomBytes(100_000);
      throw new Error('the store broke');
    };
    const content = Buffer.alloc(200_000);
    const facts = factsOf(content);
    await t.rejects(upload.put('encrypted.dat', resumableOf(content, source), facts), { message: 'the store broke' });
    t.notOk(existsSync(join(pathOf(folder, RUN, 'finished'), 'encrypted.dat')));
    await upload.discard();
    isEmpty(t, folder);
    t.same(await offsite.listRuns(), []);
  });

  within('begins again where an earlier try was broken off, and lists what others left', async (t, offsite, folder) => {
    const broken = await offsite.beginRun(RUN);
    await putSmall(broken, 'old', Buffer.from('old'));
    await putSmall(await offsite.beginRun(LATER), 'left', Buffer.from('left'));
    const upload = await offsite.beginRun(RUN);
    await putSmall(upload, 'new', Buffer.from('new'));
    await putManifest(upload);
    t.same(await offsite.listPartials(), [RUN, LATER]);
    await upload.commit();
    const reader = await offsite.openRun(RUN);
    t.equal(reader && (await readSmall(reader, 'new'))?.toString(), 'new');
    await offsite.removePartial(LATER);
    await offsite.removePartial(LATER);
    if (keepsAll) return;
    t.same(readdirSync(join(folder, RUN)).sort(), ['manifest.json', 'new']);
    t.same(readdirSync(folder), [RUN]);
  });

  within('goes on where an earlier try was broken off, with what is there as it was sent', async (t, first, folder) => {
    const content = randomBytes(SEGMENT * 4 + 300_000);
    const broken = Math.round(SEGMENT * 3.5);
    let arrived = 0;
    const breaking = async function* (start: number): Bytes {
      yield* chunked(content.subarray(start, broken), [65536]);
      throw new Error('killed');
    };
    let file = '';
    const damage = (at: number) => {
      const bytes = readFileSync(file);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(file, bytes);
    };
    const longer = () => appendFileSync(file, randomBytes(SEGMENT * 2));
    for (const [how, meddle, goesOn] of [
      ['as it was', () => undefined, () => arrived],
      ['its tail differs', () => damage(SEGMENT * 3 + 5), () => SEGMENT * 3],
      ['a segment differs', () => damage(SEGMENT + 5), () => SEGMENT],
      ['it is longer than it can be', longer, () => 0],
    ] as const) {
      const trying = await first.beginRun(RUN);
      await putSmall(trying, 'small', Buffer.from('as it was'));
      const killed = trying.put('encrypted.dat', resumableOf(content, breaking), factsOf(content));
      await t.rejects(killed, { message: 'killed' });
      if (resumes) {
        file = join(pathOf(folder, RUN, 'partial'), 'encrypted.dat');
        arrived = statSync(file).size;
        t.ok(arrived > SEGMENT * 3 && arrived <= broken, `${arrived} bytes have arrived`);
        meddle();
      }
      const offsite = await open(folder);
      const starts: number[] = [];
      const upload = await offsite.beginRun(RUN);
      const source = watchedResumable(resumableOf(content), (start) => starts.push(start));
      t.equal(await upload.put('encrypted.dat', source, factsOf(content)), verified);
      t.same(starts, [resumes ? goesOn() : 0], how);
      t.equal(await putSmall(upload, 'small', Buffer.from('as it is')), verified);
      await putManifest(upload);
      await upload.commit();
      const finished = pathOf(folder, RUN, 'finished');
      t.ok(readFileSync(join(finished, 'encrypted.dat')).equals(content), how);
      t.equal(readFileSync(join(finished, 'small'), 'utf8'), 'as it is');
      if (keepsAll) rmSync(finished, { recursive: true });
      else await offsite.removeRun(RUN);
      offsite.close();
    }
  });

  within('lists runs by time, takes nothing else for one, and removes one', async (t, offsite, folder) => {
    for (const run of [LATER, RUN]) writeFileSync(join(make(folder, run), 'file'), '');
    for (const name of ['lost+found', '.2026-11-24T040000Z', 'README']) mkdirSync(join(folder, name));
    t.same(await offsite.listRuns(), [RUN, LATER]);
    if (keepsAll) return void (await t.rejects(offsite.removeRun(RUN), { code: 'refused', hint: /its owner/ }));
    await offsite.removeRun(RUN);
    await offsite.removeRun(RUN);
    t.same(await offsite.listRuns(), [LATER]);
    t.same(await offsite.listPartials(), []);
    t.same(readdirSync(folder).sort(), [
      '.2026-11-24T040000Z',
      basename(pathOf(folder, LATER, 'finished')),
      'README',
      'lost+found',
    ]);
  });

  within('finds the altered bytes of a finished run by reading them', async (t, offsite, folder) => {
    const upload = await offsite.beginRun(RUN);
    await putSmall(upload, 'a', Buffer.from('abc'));
    await putManifest(upload);
    await upload.commit();
    const file = join(pathOf(folder, RUN, 'finished'), 'a');
    t.equal(readFileSync(file, 'utf8'), 'abc');
    writeFileSync(file, 'abd');
    const reader = await offsite.openRun(RUN);
    t.equal(reader && (await readSmall(reader, 'a'))?.toString(), 'abd');
  });
}
