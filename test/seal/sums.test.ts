import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { encodeSums, parseSums } from '../../lib/seal/sums.ts';
import { run } from '../../lib/system/command.ts';
import { sha256Of } from '../../lib/system/files.ts';

const names = fc.stringMatching(/^[A-Za-z0-9@%_~-][A-Za-z0-9@%._~-]{0,40}$/);

t.test('reads back what it wrote', async () => {
  fc.assert(
    fc.property(fc.dictionary(names, fc.string(), { noNullPrototype: true }), (contents) => {
      const sums = new Map(Object.entries(contents).map(([name, content]) => [name, sha256Of(content)]));
      const back = parseSums(encodeSums(sums));
      return back.size === sums.size && [...sums].every(([name, digest]) => back.get(name) === digest);
    }),
  );
});

t.test('is understood by sha256sum, which finds the one altered file', async (t) => {
  const files = { 'shop.tar.gz.enc': 'one', '@accounts.tar.gz.enc': 'two', '-odd~%20.enc': 'three' };
  const folder = t.testdir(files);
  const sums = new Map(Object.entries(files).map(([name, content]) => [name, sha256Of(content)]));
  writeFileSync(join(folder, 'SHA256SUMS'), encodeSums(sums));
  t.match(await run('sha256sum', ['-c', 'SHA256SUMS'], { cwd: folder }), { exitCode: 0 });
  writeFileSync(join(folder, '-odd~%20.enc'), 'tree');
  t.match(await run('sha256sum', ['-c', 'SHA256SUMS'], { cwd: folder }), { exitCode: 1, stdout: /odd.*FAILED/ });
});

t.test('refuses lines of another form, a name twice, and a cut last line', async (t) => {
  const line = `${sha256Of('x')}  x`;
  for (const text of [line, `${line}\n${line}\n`, `${line}\n\n`, `\\${line}\n`, `${sha256Of('x')}  a/b\n`, 'x\n']) {
    t.throws(() => parseSums(text), { code: 'verification-failed' }, text);
  }
  t.throws(() => encodeSums(new Map([['a\nb', sha256Of('x')]])));
});
