import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { RunId } from '../../lib/model/run-id.ts';
import { asStage, type Bytes, type SealedStream } from '../../lib/model/stages.ts';
import { folderReader, openRunFolders } from '../../lib/storage/run-folders.ts';
import { bytesOf } from '../bytes.ts';

const RUN = RunId.parse('2026-11-22T040000Z');
const sealed = (source: Bytes) => asStage<SealedStream>(source);

t.test('writes files that only their owner reads, into a folder that appears when it is complete', async (t) => {
  const folder = t.testdir();
  const run = await openRunFolders(folder).beginRun(RUN);
  await run.write('shop.tar.gz.enc', sealed(bytesOf('one', 'two')));
  await run.writeSmall('manifest.json', '{}');
  t.notOk(existsSync(join(folder, RUN)));
  t.same(await run.reader.list(), ['manifest.json', 'shop.tar.gz.enc']);
  await run.commit();
  t.same(readdirSync(join(folder, RUN)).sort(), ['manifest.json', 'shop.tar.gz.enc']);
  t.equal(statSync(join(folder, RUN)).mode & 0o777, 0o700);
  t.equal(statSync(join(folder, RUN, 'shop.tar.gz.enc')).mode & 0o777, 0o600);
});

t.test('a source that breaks leaves no file, and no name that leads elsewhere is taken', async (t) => {
  const folder = t.testdir();
  const run = await openRunFolders(folder).beginRun(RUN);
  const source = async function* (): Bytes {
    yield Buffer.from('half');
    throw new Error('the dump broke');
  };
  await t.rejects(run.write('a', sealed(source())), { message: 'the dump broke' });
  for (const name of ['..', '.', '', 'a/b', '.hidden', '../x']) {
    await t.rejects(run.writeSmall(name, ''), /not the name of a file/, name);
  }
  t.same(await run.reader.list(), []);
  await run.discard();
  t.same(readdirSync(folder), []);
});

t.test('a full disk is said clearly and leaves nothing under a final name', async (t) => {
  const folder = t.testdir();
  const script = `
    import { openRunFolders } from './lib/storage/run-folders.ts';
    const run = await openRunFolders(${JSON.stringify(folder)}).beginRun(${JSON.stringify(RUN)});
    const source = async function* () { for (;;) yield Buffer.alloc(65536); };
    try { await run.write('shop.tar.gz.enc', source()); }
    catch (error) { process.stdout.write(error.code + ' ' + error.hint); }
  `;
  // A limit on the size of files stands for a full disk: the write fails with EFBIG instead of ENOSPC. What
  // the test runner loads into every Node would end this one by a signal instead.
  const limited = 'unset NODE_OPTIONS; ulimit -f 1000; exec "$0" "$@"';
  const args = ['-c', limited, process.execPath, '--import=tsx', '--input-type=module', '-e', script];
  const out = execFileSync('/bin/sh', args, { encoding: 'utf8' });
  t.match(out, /^no-space .*df -h/);
  t.same(readdirSync(folder), [`.${RUN}.partial`]);
  t.same(readdirSync(join(folder, `.${RUN}.partial`)), []);
  const folders = openRunFolders(folder);
  t.same(await folders.listRuns(), []);
  t.same(await folders.listPartials(), [RUN]);
  await folders.removePartial(RUN);
  t.same(readdirSync(folder), []);
});

t.test('never opens a pipe that lies in the place of a file, which would wait for ever', async (t) => {
  const folder = t.testdir({ run: {} });
  execFileSync('mkfifo', [join(folder, 'run', 'company.key.enc')]);
  const reader = folderReader(join(folder, 'run'));
  const refusal = { code: 'verification-failed', message: /not a regular file/ };
  await t.rejects(reader.sizeOf('company.key.enc'), refusal);
  await t.rejects(async () => {
    for await (const _ of reader.read('company.key.enc')) t.fail('nothing can be read of it');
  }, refusal);
});
