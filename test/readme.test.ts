import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { grantStatement } from '../lib/database/privileges.ts';
import { COMPRESSIONS, COMPRESSORS, type CompressorName } from '../lib/model/compression.ts';
import { ERRORS } from '../lib/model/error.ts';
import { HostConfig } from '../lib/model/inventory.ts';
import { METRIC_LABELS } from '../lib/report/metric-names.ts';
import { PACKAGE_OF } from '../lib/system/programs.ts';

const root = new URL('../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  scripts: Record<string, string>;
};

t.test('names only tasks and scripts that there are', async (t) => {
  for (const [, task = ''] of readme.matchAll(/tasks\/([a-z-]+\.ts)/g))
    t.ok(existsSync(new URL(`tasks/${task}`, root)), task);
  for (const [, script = ''] of readme.matchAll(/npm run ([a-z-]+)/g)) t.type(scripts[script], 'string', script);
});

t.test('has the very statement that gives the account what it needs', async (t) => {
  t.ok(readme.includes(`${grantStatement({ user: 'bkpuser', from: 'localhost' })};`));
});

t.test('has every compressor as the code has it, and every limit with its default', async (t) => {
  for (const [name, facts] of Object.entries(COMPRESSORS)) {
    const [lowest, highest] = facts.levels;
    const package_ = name === 'zlib' ? '' : PACKAGE_OF[name as Exclude<CompressorName, 'zlib'>];
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    const [, , ...cells] = row.split(/ *(?<!\\)\| */);
    t.same(cells.slice(0, 3), [
      package_,
      `\`${COMPRESSIONS[facts.writes]}\``,
      `${lowest} to **${facts.usualLevel}** to ${highest}`,
    ]);
    t.equal(cells[4], String(facts.megabytesPerSecond));
  }
  const limits = {
    uploadBytesPerSecond: 'none',
    uploadWindows: 'none',
    dumpBytesPerSecond: 'none',
    ...HostConfig.shape.limits.parse({}),
  };
  for (const [key, value] of Object.entries(limits))
    t.match(readme, new RegExp(`^\\| \`${key}\` \\| \`?${value}\`? \\|`, 'm'), key);
});

t.test('names only metrics that are written', async (t) => {
  const named = [...readme.matchAll(/\bcoffre_\w+/g)].map(([name]) => name);
  t.ok(named.length > 15);
  for (const name of named) t.ok(name in METRIC_LABELS, name);
});

t.test('explains every exit code of the table of errors', async (t) => {
  for (const { exit } of Object.values(ERRORS)) t.match(readme, new RegExp(`^\\| ${exit} \\|`, 'm'), String(exit));
});

t.test('no sentence or hint in the code names a task that is not there', async (t) => {
  const folder = new URL('lib/', root);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((each) =>
    each.endsWith('.ts'),
  )) {
    const code = readFileSync(new URL(name, folder), 'utf8');
    for (const [, task = ''] of code.matchAll(/tasks\/([a-z-]+\.ts)/g))
      t.ok(existsSync(new URL(`tasks/${task}`, root)), `${name}: ${task}`);
  }
});
