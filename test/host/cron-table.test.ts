import fc from 'fast-check';
import t from 'tap';
import { parseCronTable } from '../../lib/host/cron-table.ts';

const environment = { PATH: '/bin' };

t.test('reads entries with the variables above them', async (t) => {
  const text = `# a comment\n\n PATH = "/bin"\n0\t4 * * 1-5  root  date +\\%F # not a comment\nA=b c \n*/5 * * * * nobody true\n`;
  t.strictSame(parseCronTable(text), {
    entries: [
      { line: 4, schedule: '0 4 * * 1-5', user: 'root', command: 'date +%F # not a comment', environment },
      { line: 6, schedule: '*/5 * * * *', user: 'nobody', command: 'true', environment: { PATH: '/bin', A: 'b c' } },
    ],
    faults: [],
  });
  t.strictSame(parseCronTable(''), { entries: [], faults: [] });
});

t.test('names each fault', async (t) => {
  const good = '* * * * * root true';
  const faults: [string, RegExp][] = [
    [good, /no newline/],
    ['60 * * * * root true\n', /minute "60"/],
    ['* * * * root true\n', /day of week "root"/],
    ['* * * *\n', /five fields/],
    ['* * * * * root\n', /no command after the user "root"/],
    ['* * * * * root  \n', /no command/],
    ['* * * * * /bin/true\n', /"\/bin\/true" is no login name/],
    ['* * * * *\n', /five fields|no login name/],
    ['@daily root true\n', /write the five fields/],
    [`${good} % x\n`, /%/],
    [`${good} ${'x'.repeat(994)}\n`, /longer than 998/],
    [`${good}\r\n`, /CR LF/],
    ['\r\n', /CR LF/],
    [`${good}\0\n`, /NUL/],
    ['0 4 30 2 * root true\n', /never fires/],
    ['MAILTO=\n', /write MAILTO=""/],
    ['A="b\n', /quotes/],
    ['A="b" c\n', /quotes/],
    ['A="b "\n', /change the value/],
    [`A="'b'"\n`, /change the value/],
    ['A-B=c\n', /"A-B" is no name/],
    ['CRON_TZ=Europe/Paris\n', /CRON_TZ does nothing/],
    [`A=${'x'.repeat(997)}\n`, /longer than 998/],
  ];
  for (const [text, why] of faults) {
    const found = parseCronTable(text);
    t.equal(found.faults.length, 1, JSON.stringify(text));
    t.match(found.faults[0], { line: 1, text: why });
  }
  for (const text of [`${good} ${'x'.repeat(993)}\n`, `A=${'x'.repeat(996)}\n`, 'MAILTO=""\n', "'A' = 'b'\n"]) {
    t.strictSame(parseCronTable(text).faults, [], JSON.stringify(text));
  }
});

t.test('finds all faults, each with its line', async (t) => {
  const { faults } = parseCronTable('x\n# fine\n* * * * * root true\nMAILTO=\n* * * * * root a % b');
  t.strictSame(faults.map(({ line }) => line).sort(), [1, 4, 5, 5]);
  t.match(parseCronTable('\n'.repeat(10_001)).faults, [{ line: 10_001, text: /more than 10000/ }]);
});

t.test('judges any text without failing', async () => {
  const text = fc.string({ unit: fc.constantFrom(...'*0 \t\n\r=\'"%\\#@a\0/-,') });
  fc.assert(fc.property(text, (any) => parseCronTable(any).faults.length >= 0));
});
