import t from 'tap';
import { chooseCompressor } from '../../lib/archive/compressor.ts';
import { compressorRemark, explainCompressor } from '../../lib/archive/explain-compressor.ts';
import type { CompressorName } from '../../lib/model/compression.ts';
import { findProgram } from '../../lib/system/programs.ts';

const host = (...programs: CompressorName[]) => [(name: CompressorName) => programs.includes(name)] as const;

t.test('auto takes the fastest that is there, and says what would be faster', async (t) => {
  const all = explainCompressor('auto', ...host('igzip', 'pigz', 'gzip', 'zstd'));
  t.match(all, { name: 'igzip', why: /^the fastest that writes gzip; pigz would take about \d+ times as long$/ });
  t.match(explainCompressor('auto', ...host('igzip')), {
    name: 'igzip',
    why: /zlib would take about \d+ times as long/,
  });
  t.match(explainCompressor('auto', ...host('pigz', 'gzip', 'zstd')), {
    name: 'pigz',
    why: /; igzip is not installed: apt-get install --no-install-recommends isal makes this about \d+ times as fast$/,
  });
  t.match(explainCompressor('auto', ...host('gzip', 'zstd')), {
    name: 'zlib',
    why: /; igzip and pigz are not installed: apt-get install --no-install-recommends isal makes this/,
  });
});

t.test('who names a program gets it, and no advice', async (t) => {
  t.strictSame(explainCompressor('zstd', ...host('igzip')), { name: 'zstd', why: 'as compression.program asks' });
  t.equal(compressorRemark('pigz', ...host('pigz')), undefined);
});

t.test('provisioning remarks on a host without the fastest, and says how to have it or not', async (t) => {
  t.equal(compressorRemark('auto', ...host('igzip')), undefined);
  t.match(compressorRemark('auto', ...host('pigz')), {
    text: /igzip is not installed: backups are compressed by pigz/,
    hint: /install --no-install-recommends isal; or say .* compression: \{ program: pigz \}$/,
  });
});

t.test('what is asked for and is not there is named with its package', async (t) => {
  const path = process.env.PATH;
  process.env.PATH = t.testdir({});
  t.teardown(() => {
    process.env.PATH = path;
  });
  t.equal(findProgram('zstd'), undefined);
  await t.rejects(chooseCompressor('zstd'), { code: 'program-missing', hint: /install .*zstd$/ });
  t.match(await chooseCompressor('auto'), { name: 'zlib', writes: 'gzip', level: 6 });
});
