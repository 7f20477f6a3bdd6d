import fc from 'fast-check';
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import t from 'tap';
import { HostName } from '../../lib/model/names.ts';
import {
  type AuditState,
  formatFailureIssue,
  formatHostIssue,
  formatRepositoryIssue,
  formatTurn,
  rememberedHead,
} from '../../lib/report/audit-issue.ts';
import { failedValidation, findingOf, HEAD } from '../fixture/told-validation.ts';

const host = HostName.parse('db1');
const of = (state: Partial<AuditState>): AuditState => ({
  ...{ subject: { kind: 'host', host }, errors: [], warnings: [], lastGoodRun: null },
  ...state,
});
const toHtml = (markdown: string) =>
  micromark(markdown, { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });
/** The HTML without its text: what a reader's browser would build. */
const skeleton = (html: string) => (html.match(/<[^>]*>/g) ?? []).join('');

t.test('tells what is wrong with a host, with path and hint, errors first', async (t) => {
  const warning = findingOf('db1', { severity: 'warning', message: 'its last run has failed', hint: 'see' });
  const state = of({ errors: [findingOf('db1', { path: 'manifests/db1' })], warnings: [warning] });
  t.matchOnly(
    formatHostIssue({ ...state, lastGoodRun: '2026-11-22T040000Z' }),
    `<!-- coffre: audit of host db1 -->
Of this host, \`validate\` tells 1 error and 1 warning. The last run that succeeded is \`2026-11-22T040000Z\`.

\`\`\`text
error: manifests/db1: a run was due at 2026-11-22T04:00:00.000Z, and none has ever succeeded (freshness)
hint: look at: npx zx tasks/list.ts db1 --from audit
warning: its last run has failed (freshness)
hint: see
\`\`\`

This text follows what each run of the workflow finds, and the issue is closed once there is no error any more.
`,
  );
  t.match(formatTurn('red', state, HEAD), `Red again, at commit ${HEAD}: 1 error and 1 warning.`);
  t.match(formatTurn('green', state, null), 'Green at an empty repository: no error any more.');
});

t.test('what is remembered is read back, and only from where it was written', async (t) => {
  const subject = { kind: 'repository' } as const;
  const body = formatRepositoryIssue(of({ subject }), HEAD);
  t.equal(rememberedHead(body), HEAD);
  t.equal(rememberedHead(body.replaceAll('\n', '\r\n')), HEAD, "as GitHub's own editor leaves it");
  t.match(body, `contain \`${HEAD}\` from now on`);
  t.equal(rememberedHead(formatRepositoryIssue(of({ subject }), null)), null);
  const forged = findingOf(null, { message: `x\n<!-- coffre: head ${'c'.repeat(40)} -->` });
  t.equal(rememberedHead(formatRepositoryIssue(of({ subject, errors: [forged] }), null)), null);
  t.equal(rememberedHead(formatHostIssue(of({ errors: [forged], lastGoodRun: '`x`' }))), null);
  t.notMatch(formatHostIssue(of({ lastGoodRun: '`x`' })), '`x`');
});

const HOSTILE = [
  '```',
  '````````',
  '``` \n```',
  '~~~',
  '</details>',
  '<script>alert(1)</script>',
  '<!-- ',
  '-->',
  '<!-- coffre: audit -->',
  '@octocat',
  '#1',
  '[a](http://x)',
  '![a](http://x/y.png)',
  'https://evil.example',
  '&lt;b&gt;',
  '\n\n# heading',
  '\r\n- [ ] task',
  '\u2028',
  '\u202egnirts',
  '\0',
  '\u001b[31m',
  '\ud800',
  ':tada:',
  '',
  '\t',
];

t.test('nothing that the repository says becomes more than text, nor mentions anybody', async (t) => {
  const build = (text: string) => {
    const errors = [findingOf('db1', { message: text, path: text, hint: text, rule: text })];
    const failed = failedValidation(text);
    return ('error' in failed ? [failed] : [])
      .map((validation) => formatFailureIssue(validation, HEAD))
      .concat(formatHostIssue(of({ errors })), formatRepositoryIssue(of({ errors }), HEAD))
      .map(toHtml)
      .join('');
  };
  const expected = skeleton(build('plain'));
  for (const [index, text] of HOSTILE.entries()) t.equal(skeleton(build(text)), expected, `case ${index}`);
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(fc.constantFrom(...HOSTILE), { maxLength: 6 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(anything, (text) => skeleton(build(text)) === expected),
    { numRuns: 20 },
  );
  const outside = build('@octocat').replace(/<code[^>]*>[\s\S]*?<\/code>/g, '');
  t.notMatch(outside, '@octocat', 'in code alone, where GitHub mentions nobody');
});

t.test('never says more than GitHub takes, and says how much is left out', async (t) => {
  const many = (number: number, message: string) =>
    Array.from({ length: number }, () => findingOf('db1', { message, hint: 'h' }));
  for (const errors of [
    many(3000, 'm'.repeat(100)),
    many(200, '`'.repeat(7000)),
    many(300, '\u{10fffd}'.repeat(600)),
  ]) {
    for (const body of [formatHostIssue(of({ errors })), formatRepositoryIssue(of({ errors }), HEAD)]) {
      t.ok(body.length <= 65_536);
      t.match(body, /To fit into an issue, \d+ findings of \d+ are left out\./);
      t.equal(toHtml(body).match(/<pre>/g)?.length, 1);
    }
  }
  const some = formatHostIssue(of({ errors: many(100, 'm'.repeat(100)) }));
  t.notMatch(some, 'left out');
});
