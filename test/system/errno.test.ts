import t from 'tap';
import { asCoffreError, type CoffreError } from '../../lib/model/error.ts';
import { describeErrno } from '../../lib/system/errno.ts';
import { explained } from '../../lib/system/explained.ts';

const PATH = '/mnt/data/db1/.2026-11-22T040000Z.partial/shop.tar.gz.enc';
const volume = { volume: 'data', mount: '/mnt/data' };

t.test('a GlusterFS volume has a sentence and a gluster command of its own for each of its failures', async (t) => {
  const failures = {
    ENOTCONN: ['store-unreachable', /does not answer.*bricks.*client/, /gluster volume status data; .*umount -l \/mnt/],
    EIO: ['store-unreachable', /input\/output error.*split-brain/, /gluster volume heal data info split-brain/],
    ESTALE: ['store-unreachable', /another file in its place/, /gluster volume heal data info;/],
    EROFS: ['write-failed', /is read-only/, /gluster volume get data features\.read-only/],
    ENOSPC: ['no-space', /no space left/, /df -h \/mnt\/data\/db1; .*gluster volume status data detail/],
    EDQUOT: ['no-space', /quota of the volume data/, /gluster volume quota data list/],
  } as const;
  const sentences = new Set<string>();
  for (const [errno, [code, why, hint]] of Object.entries(failures)) {
    const told = describeErrno(errno, PATH, volume);
    t.equal(told.code, code, errno);
    t.match(told.why, why);
    t.match(told.hint, hint);
    sentences.add(told.why);
  }
  t.equal(sentences.size, Object.keys(failures).length, 'no two are the same');
});

t.test('a disk is not told in the words of a volume', async (t) => {
  const sentences = ['EIO', 'ENOTCONN', 'EROFS', 'ENOSPC', 'EDQUOT'].map((errno) => {
    const { why, hint } = describeErrno(errno, PATH, undefined);
    t.notMatch(`${why} ${hint}`, /gluster/, errno);
    return why;
  });
  t.equal(new Set(sentences).size, sentences.length);
});

t.test('the error of a path is a sentence of ours that keeps the cause; other errors pass', async (t) => {
  const cause = Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
  t.match(explained('write', PATH, cause), {
    code: 'disk-failed',
    message: `cannot write ${PATH}: the disk gives an input/output error (EIO)`,
    cause,
  });
  const other = new TypeError('x');
  t.equal(explained('write', PATH, other), other);
});

t.test('what the host has run out of is told as that, wherever it is found out', async (t) => {
  const told = new Set<string>();
  for (const errno of ['EMFILE', 'ENFILE', 'ENOMEM']) {
    const cause = Object.assign(new Error(errno), { code: errno });
    const ofFile = explained('write', PATH, cause) as CoffreError;
    t.match(ofFile, { code: 'out-of-resources', exitCode: 4, hint: /\w/ });
    t.match(ofFile.message, `cannot write ${PATH}: `);
    t.match(asCoffreError(cause), { code: 'out-of-resources', message: /^cannot go on: / });
    told.add(ofFile.message);
  }
  t.equal(told.size, 3, 'no two are the same');
  const spawn = Object.assign(new Error('spawn EAGAIN'), { code: 'EAGAIN' });
  t.match(asCoffreError(spawn), { code: 'out-of-resources', message: /processes/ });
  t.match(explained('write', PATH, spawn), { code: 'write-failed' }, 'of a file that is something else');
});
