import fc from 'fast-check';
import t from 'tap';
import { type DumpPart, StatementReader } from '../../lib/archive/statement-reader.ts';
import { namedDump } from '../fixture/named-dump.ts';

const ODD = `INSERT INTO \`a\n;VALUES\` (\`VALUES\`, b) VALUES
(1,'x;y'),
(2,'--');
INSERT INTO t VALUES
(3,';');
/*!50003 SET sql_mode              = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES' */ ;
DELIMITER ;;!
CREATE FUNCTION "f;;!"() RETURNS text RETURN '\\' ;;!
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
SELECT 1`;
const DUMP = Buffer.from(namedDump({ database: "sh'op" }) + ODD);

/** What a reader gives, with runs of one kind put together: where they are cut depends on the chunks. */
function read(sizes: readonly number[]) {
  const reader = new StatementReader();
  const parts: DumpPart[] = [];
  for (let at = 0, turn = 0; at < DUMP.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? DUMP.length;
    parts.push(...reader.push(DUMP.subarray(at, at + size)));
    at += size;
  }
  parts.push(...reader.flush());
  const runs: { kind: string; text: string; rules: string }[] = [];
  for (const part of parts) {
    const last = runs.at(-1);
    const rules = part.kind === 'statement' ? JSON.stringify(part.rules) : '';
    const isRun = last?.kind === part.kind && part.kind !== 'statement';
    if (isRun) last.text += part.bytes.toString('latin1');
    else runs.push({ kind: part.kind, text: part.bytes.toString('latin1'), rules });
  }
  return runs;
}

const whole = read([DUMP.length]);

t.test('finds statements and inserts, each with the rules under which it is read', async (t) => {
  const inserts = whole.filter(({ kind }) => kind === 'insert').map(({ text }) => text);
  t.equal(inserts.length, 4);
  t.match(inserts.at(-1), /^INSERT INTO t VALUES\n\(3,';'\);$/);
  const made = whole.filter(({ text }) => text.startsWith('CREATE FUNCTION'));
  t.same(made, [
    {
      kind: 'statement',
      text: `CREATE FUNCTION "f;;!"() RETURNS text RETURN '\\' ;;!`,
      rules: '{"backslashEscapes":false,"ansiQuotes":true}',
    },
  ]);
});

t.test('gives every byte back but those of a statement that has no end, and the same for any chunks', async (t) => {
  t.equal(whole.map(({ text }) => text).join(''), DUMP.toString('latin1').replace(/SELECT 1$/, ''));
  t.same(read([1]), whole, 'byte by byte');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 60 }), (sizes) => {
      t.same(read(sizes), whole);
    }),
    { numRuns: 60 },
  );
});
