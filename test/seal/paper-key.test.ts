import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { paperKey, readPaperKey } from '../../lib/seal/paper-key.ts';
import { keyPair, plainKeyPair } from './keys.ts';

const { privateKey } = await keyPair();
const paper = paperKey(privateKey);
const typed = [paper.header, ...paper.lines];

t.test('the file that comes out is the one that went in, to the byte', async (t) => {
  t.equal(readPaperKey(typed.join('\n')), privateKey);
  t.equal(paper.sha256, createHash('sha256').update(privateKey).digest('hex'));
  t.equal(readPaperKey(typed.join('\r\n')), privateKey);
  const spaced = typed.map((line) => `  ${line.replace(/[A-Za-z0-9+/=]{8}/g, '$& ')}  `);
  t.equal(readPaperKey([...spaced].reverse().join('\n\n')), privateKey, 'in any order, with blanks anywhere');
  t.equal(readPaperKey(['From the safe:', ...typed, ...typed.slice(3, 9)].join('\n')), privateKey, 'and lines twice');
  t.equal(
    paperKey(privateKey.replace(/\n(?!-)/g, '').replace('KEY-----', 'KEY-----\n')).pem,
    privateKey,
    'wrapped anew',
  );
});

t.test('a slip anywhere is found, in its line', async (t) => {
  const slips = fc.record({
    line: fc.nat(paper.lines.length - 1),
    at: fc.nat(63),
    to: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'),
  });
  let missed = 0;
  fc.assert(
    fc.property(slips, ({ line, at, to }) => {
      const [number = '', characters = '', check = ''] = paper.lines[line]?.split(' ') ?? [];
      const place = Math.min(at, characters.length - 1);
      if (characters[place] === to) return;
      const slip = `${number} ${characters.slice(0, place)}${to}${characters.slice(place + 1)} ${check}`;
      try {
        readPaperKey([...typed.slice(0, line + 1), slip, ...typed.slice(line + 2)].join('\n'));
        t.fail('it was taken');
      } catch (error) {
        // One slip in 65,536 fits its four digits: then the whole does not.
        if (!String(error).includes(`line ${line + 1} `)) missed += 1;
      }
    }),
    { numRuns: 500 },
  );
  t.ok(missed <= 1);
});

t.test('tells every line that is missing or wrong, and what a reader has mistaken', async (t) => {
  const line = paper.lines.find((each) => /O|l|I|0/.test(each.split(' ')[1] ?? '')) ?? '';
  const [number = '', characters = '', check = ''] = line.split(' ');
  const at = characters.search(/O|l|I|0/);
  const wrong = ({ O: '0', 0: 'O', l: '1', I: '1' } as Record<string, string>)[characters[at] ?? ''] ?? '';
  const slip = `${number} ${characters.slice(0, at)}${wrong}${characters.slice(at + 1)} ${check}`;
  const text = [paper.header, ...paper.lines.map((each) => (each === line ? slip : each))];
  t.throws(() => readPaperKey(text.join('\n')), {
    code: 'verification-failed',
    message: `cannot read the key: line ${Number(number)} does not fit its last four digits: its character ${at + 1} may be ${characters[at]}, and not ${wrong}`,
  });
  t.throws(() => readPaperKey(typed.filter((_, n) => n !== 3 && n !== 9).join('\n')), {
    message: /2 lines are missing or wrong/,
    findings: ['line 3 is missing', 'line 9 is missing'],
  });
  t.throws(() => readPaperKey(typed.slice(1).join('\n')), { message: /the first line is missing/ });
  const other = paperKey(privateKey.replace(/\nMII/, '\nMIK')).header;
  t.throws(() => readPaperKey([other, ...typed].join('\n')), { message: /several keys/ });
  t.throws(() => readPaperKey([other, ...typed.slice(1)].join('\n')), {
    message: /every line fits, and the whole does not/,
  });
  t.throws(() => readPaperKey(''), { code: 'verification-failed' });
});

t.test('what has no passphrase, or is no key, does not go on paper', async (t) => {
  for (const text of [plainKeyPair().privateKey, plainKeyPair().publicKey, '', 'x', privateKey + privateKey]) {
    t.throws(() => paperKey(text), { code: 'private-key', hint: /openssl pkcs8 -topk8/ });
  }
});
