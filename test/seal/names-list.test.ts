import fc from 'fast-check';
import t from 'tap';
import { NamesKey } from '../../lib/seal/names-key.ts';
import { encodeNamesList, parseNamesList } from '../../lib/seal/names-list.ts';

const key = NamesKey.parse('17'.repeat(32)) as NamesKey;
const listOf = (names: readonly string[]) => new Map(names.map((name) => [key.hash(name), name]));

t.test('any names come back, in whole steps, one a line, with nothing that a terminal acts on', (t) => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
  const odd = fc.constantFrom('\u001b[2J', '\u009b31m', '\u202egnp', '\u{e0041}', 'a"b\\', 'x\ny', '\u{1f600}');
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.oneof(
          name.filter((each) => !each.includes('\0')),
          odd,
        ),
      ),
      (names) => {
        const bytes = encodeNamesList(listOf(names));
        t.strictSame([...parseNamesList(bytes)].sort(), [...listOf(names)].sort());
        t.equal(bytes.length % 4096, 0);
        const text = bytes.toString();
        t.notMatch(text.replace(/[\n\r]/g, ''), /[\p{C}\p{Zl}\p{Zp}]/u);
        t.equal(text.trimEnd().split('\n').length, names.length === 0 ? 3 : names.length + 2);
      },
    ),
    { numRuns: 200 },
  );
  t.end();
});

t.test('one name more does not show in its size', (t) => {
  t.equal(
    encodeNamesList(listOf(['a'])).length,
    encodeNamesList(listOf(['a', 'a database with a longer name'])).length,
  );
  t.end();
});

t.test('nothing else is read', (t) => {
  const [one, other] = [key.hash('one'), key.hash('other')];
  for (const value of [
    null,
    [],
    { shop: 'shop' },
    { [one]: '' },
    { [one]: 1 },
    { [one]: 'a\0b' },
    { [one]: 'x'.repeat(257) },
    { [one]: 'same', [other]: 'same' },
  ]) {
    t.throws(
      () => parseNamesList(Buffer.from(JSON.stringify(value))),
      { code: 'verification-failed' },
      JSON.stringify(value),
    );
  }
  t.throws(() => parseNamesList(Buffer.from('{')), { code: 'verification-failed' });
  t.end();
});
