import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { asCoffreError } from '../../lib/model/error.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { asStage, type SealedStream } from '../../lib/model/stages.ts';
import { openRunFolders } from '../../lib/storage/run-folders.ts';
import { assertStoreMounted } from '../../lib/storage/store-guard.ts';
import { drain } from '../../lib/system/bytes.ts';
import { bytesOf } from '../bytes.ts';
import { storeContract } from './store.ts';

/*
 * What a test does on a volume that only another process has mounted:
 * `contract`; `write RUN` and `read RUN`, which say what went wrong as an operator reads it.
 */

const [path = '', source = '', what, run] = process.argv.slice(2);
const where = { path, mount: 'fuse.glusterfs', source };

if (what === 'contract') await t.test('the contract', (t) => storeContract(t, where));
else {
  try {
    const folder = join(path, 'written');
    await mkdir(folder).catch(() => undefined);
    const id = RunId.parse(run);
    if (what === 'write') {
      await assertStoreMounted({ ...where, path: folder });
      const writing = await openRunFolders(folder).beginRun(id);
      await writing.write('shop.tar.gz.enc', asStage<SealedStream>(bytesOf('x'.repeat(100_000))));
      await writing.commit();
      await assertStoreMounted({ ...where, path: folder });
    } else {
      const reader = await openRunFolders(folder).openRun(id);
      if ((await reader?.sizeOf('shop.tar.gz.enc')) !== 100_000) throw new Error('it is not there as it was written');
      if (reader) await drain(reader.read('shop.tar.gz.enc'));
    }
  } catch (error) {
    const { code, message, hint } = asCoffreError(error);
    process.stdout.write(`${code} ${message}\nhint: ${hint}\n`);
    process.exitCode = 1;
  }
}
