import t from 'tap';
import { githubAnnotations } from '../../lib/report/github-annotations.ts';
import { formatValidation } from '../../lib/report/validation.ts';
import { formatValidationSummary } from '../../lib/report/validation-summary.ts';

const finding = (host: string | null, n = 0, changes = {}) => ({
  severity: 'error' as const,
  rule: 'chain',
  host,
  path: `manifests/${host}/2026/${n}.json`,
  message: `number ${n}`,
  hint: 'look',
  ...changes,
});
const judged = (findings: readonly ReturnType<typeof finding>[]) => ({
  head: 'a'.repeat(40),
  manifests: 6,
  hosts: [{ host: 'db1', state: 'fresh', latestSucceeded: null, dueAt: null }],
  drills: 0,
  records: {},
  drilled: [],
  findings,
});
const NOW = new Date('2026-11-04T12:00:00Z');

t.test('names the file, the host and the rule, with the hint on a second line', async (t) => {
  t.strictSame(githubAnnotations([finding('db1')]), [
    '::error file=manifests/db1/2026/0.json,title=db1%3A chain::number 0%0Ahint: look',
  ]);
  t.strictSame(githubAnnotations([finding(null, 0, { path: null, severity: 'warning' })]), [
    '::warning title=chain::number 0%0Ahint: look',
  ]);
});

t.test('nothing foreign ends a property or a line, or begins another command', async (t) => {
  const [line = ''] = githubAnnotations([
    finding('db1', 0, { path: 'a,title=x::y%0A', message: '100 %\n::set-env name=x::y\r\u001b[2J' }),
  ]);
  t.equal(
    line,
    '::error file=a%2Ctitle=x%3A%3Ay%250A,title=db1%3A chain::100 %25\\u{a}::set-env name=x::y\\u{d}\\u{1b}[2J%0Ahint: look',
  );
  const [odd = ''] = githubAnnotations([finding('db1', 0, { path: 'a\nb' })]);
  t.match(odd, /^::error title=/, 'a path that nobody can show names no file');
  t.ok((githubAnnotations([finding('db1', 0, { message: 'x'.repeat(100_000) })])[0] ?? '').length < 3000);
});

t.test('keeps to what GitHub shows of one step, and lets every host have its first', async (t) => {
  const errors = [...Array.from({ length: 30 }, (_, n) => finding('db1', n)), finding('db2', 0), finding('db3', 0)];
  const warnings = Array.from({ length: 10 }, (_, n) => finding('db4', n, { severity: 'warning' }));
  const lines = githubAnnotations([...errors, ...warnings]);
  t.equal(lines.filter((line) => line.startsWith('::error')).length, 10);
  t.equal(lines.filter((line) => line.startsWith('::warning')).length, 10);
  for (const host of ['db1', 'db2', 'db3'])
    t.ok(
      lines.some((line) => line.includes(`title=${host}%3A`)),
      host,
    );
  t.equal(lines[9], '::error title=23 more::23 more errors: see the summary of this run, or its log');
});

t.test('the summary of a job keeps what is foreign as text, and fits', async (t) => {
  const text = formatValidationSummary(
    judged([finding('db1', 0, { message: '<img> | @you [x](y)', path: null })]),
    NOW,
  );
  t.match(text, /\*\*The audit repository is not valid: 1 error\.\*\*/);
  t.notMatch(text, /<img>|@you|\[x\]/);
  const many = Array.from({ length: 20_000 }, (_, n) => finding('db1', n, { message: 'x'.repeat(100) }));
  const long = formatValidationSummary(judged(many), NOW);
  t.ok(Buffer.byteLength(long) < 1024 * 1024, `${Buffer.byteLength(long)}`);
  t.match(long, /… and \d+ more findings: see the log\.\n$/);
  t.match(formatValidationSummary(judged([]), NOW), /is valid: 6 manifests, 0 warnings/);
});

t.test('for a person every line but a path has eighty columns, and none is a command of GitHub', async (t) => {
  const text = formatValidation(
    judged([
      finding('db1', 0, { message: `${'word '.repeat(60)}::error::x ##[add-mask]y`, hint: 'go '.repeat(60).trim() }),
    ]),
    NOW,
  );
  for (const line of text.split('\n')) t.ok(line.length <= 80, line);
  t.notMatch(text, /^\s*::|##\[/m);
  t.match(text, /^error: manifests\/db1\/2026\/0\.json \(chain\)\n {2}word/m);
  t.match(text, /\n {2}hint: go [^\n]+\n {8}go/);
  t.match(text, /\nNOT VALID: 1 error: 6 manifests at aaaaaaaaaaaa$/);
  t.match(
    formatValidation(judged([finding(null, 1, { severity: 'warning' })]), NOW),
    /\nvalid, 1 warning: 6 manifests/,
  );
});
