import fc from 'fast-check';
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import t from 'tap';
import { HostName } from '../../lib/model/names.ts';
import type { ProvisionResult, ToldOutcome } from '../../lib/model/provision-result.ts';
import { formatPlanComment, PLAN_MARKER } from '../../lib/report/plan-comment.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const comment = (hosts: readonly ToldOutcome[]) =>
  formatPlanComment({ event: 'result', exitCode: 0, data: { hosts: [...hosts] } }, COMMIT);
const toHtml = (markdown: string) =>
  micromark(markdown, { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });
/** The HTML without its text: what a reader's browser would build. */
const skeleton = (html: string) => (html.match(/<[^>]*>/g) ?? []).join('');
const textOf = (html: string) =>
  html
    .replace(/<[^>]*>/g, '')
    .replace(
      /&(lt|gt|quot|amp);/g,
      (_, name: 'lt' | 'gt' | 'quot' | 'amp') => ({ lt: '<', gt: '>', quot: '"', amp: '&' })[name],
    );

function planned(name: string, text: string, lines: readonly string[] = [`+${text}`, ` ${text}`]): ToldOutcome {
  const host = HostName.parse(name);
  const changes = [{ action: 'create' as const, kind: 'file' as const, name: text, lines: [...lines] }];
  return { host, ok: true, plan: { host, changes, remarks: [{ text, hint: text }] } };
}

function failing(name: string, text: string): ToldOutcome {
  const error = { code: 'refused', message: text, hint: `see ${text}`, findings: [text] };
  return { host: HostName.parse(name), ok: false, error };
}

t.test('is a table of the hosts, those that failed first, then a folded diff for each, then the commit', async (t) => {
  const clean = HostName.parse('db3');
  const markdown = comment([
    { host: clean, ok: true, plan: { host: clean, changes: [], remarks: [] } },
    planned('db1', '/etc/cron.d/coffre', ['+0 4 * * * root true']),
    failing('db2', 'cannot reach db2: no answer'),
  ]);
  t.matchOnly(
    markdown,
    `${PLAN_MARKER}
### Plan of 3 hosts

1 host would change; **1 host could not be planned**

| Host | Create | Change | Remove | Remarks |
|---|--:|--:|--:|---|
| <code>db2</code> | | | | error: <code>cannot reach db2&#58; no answer</code><br>hint: <code>see cannot reach db2&#58; no answer</code> |
| <code>db1</code> | 1 | 0 | 0 | 1 |
| <code>db3</code> | 0 | 0 | 0 | 0 |

<details><summary><code>db2</code></summary>

\`\`\`text
cannot reach db2: no answer
\`\`\`

</details>

<details><summary><code>db1</code></summary>

\`\`\`diff
@@ create file /etc/cron.d/coffre @@
+0 4 * * * root true
\`\`\`

\`\`\`text
remark: /etc/cron.d/coffre
hint:   /etc/cron.d/coffre
\`\`\`

</details>


Planned at commit ${COMMIT}
`,
  );
  const html = toHtml(markdown);
  t.equal(html.match(/<tr>/g)?.length, 4, 'GitHub reads a table of three hosts');
  t.equal(html.match(/<\/details>/g)?.length, 2);
  t.equal(html.match(/<code class="language-diff">/g)?.length, 1);
});

t.test('a wrong inventory is told with its findings', async (t) => {
  const error = { code: 'inventory', message: 'cannot read it', hint: 'see', findings: ['hosts/db1.yaml:3: `x`'] };
  const markdown = formatPlanComment({ event: 'result', exitCode: 2, error }, COMMIT);
  t.match(markdown, /^### No plan$/m);
  t.match(markdown, /```text\nhosts\/db1.yaml:3: `x`\n```/);
  t.ok(markdown.endsWith(`Planned at commit ${COMMIT}\n`));
});

const HOSTILE = [
  '```',
  '````````',
  '``` \n```',
  '~~~',
  '</details>',
  '</code>',
  '</summary></details><h1>',
  '<script>alert(1)</script>',
  '<!-- ',
  '-->',
  PLAN_MARKER,
  '@octocat',
  '@acme/admins',
  '#1',
  'GH-1',
  'acme/x#1',
  '|',
  '\\|',
  '||||',
  '`a|b`',
  '**b**',
  '_i_',
  '[a](http://x)',
  '![a](http://x/y.png)',
  'https://evil.example',
  'www.evil.example',
  'a@b.example',
  '&lt;b&gt;',
  '&#60;',
  '\n\n# heading',
  '\r\n| a | b |',
  '\u2028',
  '\u202egnirts',
  '\0',
  '\u001b[31m',
  '\ud800',
  '<br>',
  '    code',
  '$x$',
  ':tada:',
  '- [ ] task',
  '[^1]',
  '<b',
  '\\',
  'x\\',
  '',
  ' ',
  '\t',
  '٣',
  '🙂‍↔️',
];

t.test('nothing that a host or an inventory says becomes more than text', async (t) => {
  const build = (text: string) => toHtml(comment([planned('db1', text), failing('db2', text)]));
  const expected = skeleton(build('plain'));
  for (const [index, text] of HOSTILE.entries()) t.equal(skeleton(build(text)), expected, `case ${index}`);
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(fc.constantFrom(...HOSTILE), { maxLength: 6 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(anything, (text) => skeleton(build(text)) === expected),
    { numRuns: 60 },
  );
  const html = build('</details> @octocat <b>');
  t.match(textOf(html), '</details> @octocat <b>', 'and it can be read');
  t.notMatch(
    html.replace(/<(code)[^>]*>[\s\S]*?<\/code>/g, ''),
    '@octocat',
    'in code alone, where GitHub mentions nobody',
  );
  t.match(build('a\u202eb\u001bc'), 'a\\u{202e}b\\u{1b}c');
});

t.test('never says more than GitHub takes, and says what it leaves out', async (t) => {
  const bytes = (text: string) => Buffer.byteLength(text);
  const lines = (number: number, text: string) => Array.from({ length: number }, () => `+${text}`);
  const names = (number: number) => Array.from({ length: number }, (_, index) => `db${index}`);
  const few = comment([planned('db1', 'x', lines(1000, 'y'.repeat(60)))]);
  t.notMatch(few, /left out/);

  const long = comment([planned('db1', 'x', lines(3000, 'y'.repeat(60))), planned('db2', 'z')]);
  t.ok(bytes(long) <= 65_536);
  t.match(long, /… and 2001 more lines\n/);
  t.match(long, /To fit into a comment, 2001 lines of changes and remarks are left out: `provision --dry-run` prints/);
  t.match(long, '@@ create file z @@', 'the other host is whole');

  const wide = comment([planned('db1', 'x', [`+${'`'.repeat(70_000)}`])]);
  t.ok(bytes(wide) <= 65_536);
  t.match(wide, /long lines end in …/);
  t.match(toHtml(wide), /`{499}…/, 'and nothing ends the block');

  const fleet = comment([
    ...names(900).map((name) => planned(name, '\u{1f642}'.repeat(300))),
    failing('zz', '|'.repeat(999)),
  ]);
  t.ok(bytes(fleet) <= 65_536);
  t.match(fleet, /Plan of 901 hosts/);
  t.match(fleet, /^\| <code>zz<\/code>/m, 'what failed is shown before what was left out');
  t.match(fleet, /To fit into a comment, 4501 lines of changes and remarks are left out/);

  const lost = comment(names(900).map((name) => failing(name.padEnd(60, 'x'), '\u{10fffd}'.repeat(400))));
  t.ok(bytes(lost) <= 65_536, 'the smallest measure always fits');
  t.match(lost, /870 hosts of 900 and 900 lines of changes and remarks are left out/);

  const error = {
    code: 'inventory',
    message: 'm'.repeat(99_999),
    hint: null,
    findings: lines(9000, '@a finding of some length'),
  };
  const wrong = formatPlanComment({ event: 'result', exitCode: 2, error } satisfies ProvisionResult, COMMIT);
  t.ok(bytes(wrong) <= 65_536);
  t.match(wrong, /8000 findings of 9000 are left out/);
  for (const text of [few, long, wide, fleet, lost, wrong]) t.ok(text.endsWith(`\nPlanned at commit ${COMMIT}\n`));
});
