import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import jsqr from 'jsqr';
import t from 'tap';
import { readPaperKey } from '../../lib/seal/paper-key.ts';
import { run } from '../../lib/system/command.ts';
import { startBrowser, whyNoBrowser } from '../fixture/browser.ts';
import { pixelsOf } from '../fixture/in-page.mjs';
import { runTask } from '../fixture/task.ts';
import { worldKeys } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/* A private key goes on paper, and comes back from it: its codes by a camera's eyes, its text by hand, with openssl alone. */

t.setTimeout(300_000);
const EXAMPLE = new URL('../../inventory', import.meta.url).pathname;
const decode = (typeof jsqr === 'function' ? jsqr : (jsqr as { default: unknown }).default) as (
  data: Uint8ClampedArray,
  width: number,
  height: number,
) => { readonly data: string } | null;

const { path: folder, remove } = temporaryFolder();
t.teardown(remove);
const at = (...names: string[]) => join(folder, ...names);
const { company, passphrase } = await worldKeys();
cpSync(EXAMPLE, at('inventory'), { recursive: true });
writeFileSync(at('inventory/recipients/company.pem'), company.publicKey);
writeFileSync(at('company.pem'), company.privateKey, { mode: 0o600 });
const input = `${passphrase}\n`;
const keys = (words: readonly string[], given = input) =>
  runTask('keys', [...words, '--inventory', at('inventory')], { cwd: folder, input: given });
const paper = ['paper', '--private-key', at('company.pem'), '--passphrase-fd', '0', '--out'];

await t.test('the page is made, once, with the key that the passphrase opens', async (t) => {
  const { exitCode, stdout, stderr } = await keys([...paper, at('company.html')]);
  t.equal(exitCode, 0, stderr);
  t.match(stdout, /^key of: {7}company$/m);
  t.equal(statSync(at('company.html')).mode & 0o777, 0o600);
  const page = readFileSync(at('company.html'), 'utf8');
  t.notOk(page.includes(passphrase));
  t.notMatch(page, /<script|https?:/);
  for (const [words, given, exit] of [
    [[...paper, at('company.html')], input, 8],
    [[...paper, at('inventory/company.html')], input, 8],
    [[...paper, at('other.html')], 'not the passphrase\n', 8],
    [paper.slice(0, -1), input, 2],
  ] as const)
    t.equal((await keys(words, given)).exitCode, exit);
  t.equal(readFileSync(at('company.html'), 'utf8'), page);
  t.notOk(existsSync(at('other.html')));
});

await t.test('the text is typed, and read back by coffre, and by hand', async (t) => {
  const page = readFileSync(at('company.html'), 'utf8');
  const pre = (attributes: string) =>
    (new RegExp(`<pre ${attributes}>([\\s\\S]*?)</pre>`).exec(page)?.[1] ?? '').replace(/&#(\d+);/g, (_, code) =>
      String.fromCharCode(Number(code)),
    );
  const typed = pre('class="key"');
  t.match(typed, /^coffre-key 1 \d+ [0-9a-f]{64}\n01 \S{8} \S{8} /);
  t.match(await keys(['read-paper', '--out', at('back.pem')], typed), { exitCode: 0 });
  t.equal(readFileSync(at('back.pem'), 'utf8'), company.privateKey);
  t.equal(statSync(at('back.pem')).mode & 0o777, 0o600);
  t.match(await keys(['read-paper', '--out', at('back.pem')], typed), { exitCode: 8 }, 'nothing is overwritten');
  writeFileSync(at('typed.txt'), typed.replace(/^07 ./m, '07 ='));
  const wrong = await keys(['read-paper', '--text', at('typed.txt'), '--out', at('never.pem')]);
  t.match(wrong, { exitCode: 5, stderr: /line 7 does not fit its last four digits/ });
  t.notOk(existsSync(at('never.pem')));

  const shell = (script: string) => run('sh', ['-euc', `cd ${at('.')}; ${script}`]);
  t.match(await shell(pre('id="check"')), { exitCode: 0, stdout: 'line 07 is wrong\n' });
  const lines = typed.split('\n');
  writeFileSync(at('typed.txt'), [...lines.slice(20), ...lines.slice(0, 25)].join('\n'));
  t.match(await shell(pre('id="check"')), { exitCode: 0, stdout: '' });
  writeFileSync(at('kept.pem'), company.privateKey);
  t.match(await shell(`rm company.pem; ${pre('id="join"')}`), { exitCode: 0 });
  t.equal(readFileSync(at('company.pem'), 'utf8'), company.privateKey);
  const prove = pre('id="prove"').replaceAll('-in company.pem', `-passin pass:'${passphrase}' -in company.pem`);
  const proven = await shell(prove);
  t.equal(proven.exitCode, 0, proven.stderr);
  const [file = '', key = ''] = proven.stdout.split('\n').map((line) => line.slice(0, 64));
  t.match(typed.split('\n')[0], file);
  t.ok(page.includes(`<code>${key}</code>`), 'the fingerprint of the page is that of the key');
});

await t.test('each code is read off the page as it is shown', { skip: whyNoBrowser() ?? false }, async (t) => {
  const browser = await startBrowser(t);
  const page = await browser.newPage({ viewport: { width: 1000, height: 1400 }, deviceScaleFactor: 2 });
  await page.goto(pathToFileURL(at('company.html')).href);
  const reader = await browser.newPage();
  const texts: string[] = [];
  for (const figure of await page.locator('figure svg').all()) {
    const png = (await figure.screenshot()).toString('base64');
    const { pieces, width, height } = await reader.evaluate(pixelsOf, png);
    const pixels = new Uint8ClampedArray(Buffer.concat(pieces.map((piece: string) => Buffer.from(piece, 'base64'))));
    texts.push(decode(pixels, width, height)?.data ?? '');
  }
  t.ok(texts.length > 5);
  t.ok(texts.every((text) => text.startsWith('coffre-key 1 ')));
  t.equal(readPaperKey(texts.reverse().join('\n')), company.privateKey);
  const pdf = await page.pdf({ preferCSSPageSize: true });
  t.ok((pdf.toString('latin1').match(/\/Type \/Page\b/g) ?? []).length <= 5, 'it is a few sheets of paper');
});
