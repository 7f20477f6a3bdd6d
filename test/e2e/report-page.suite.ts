import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import axe from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import t from 'tap';
import { renderPage } from '../../lib/report/page/render-page.ts';
import { startBrowser, whyNoBrowser } from '../fixture/browser.ts';
import { compareImages, contrasts, leaveAlone, overflows, rowsOf } from '../fixture/in-page.mjs';
import { overviewOfHistory } from '../fixture/judged-history.ts';
import { servePage } from '../fixture/one-page-server.ts';
import { historyOf, type Mishap } from '../fixture/told-history.ts';

/*
 * The page in a real browser: both themes, a wide window and a phone. Screenshots of the charts are compared with those in
 * the folder beside this file, by the colours of fields of ten pixels: fonts differ from machine to machine, and with them
 * the letters and the height of every paragraph, so that no two whole pages are equal to the pixel. What of a layout is to
 * hold is asked of the layout itself. COFFRE_SCREENSHOTS=new writes them anew: look at them before you commit them.
 */
const STORED = new URL('report-page/', import.meta.url);
const NOW = new Date('2026-11-22T09:00:00Z');
const VIEWS = [
  { name: 'light', width: 1280, colorScheme: 'light' },
  { name: 'dark', width: 1280, colorScheme: 'dark' },
  { name: 'light-phone', width: 360, colorScheme: 'light' },
  { name: 'dark-phone', width: 360, colorScheme: 'dark' },
] as const;

/** A year of three hosts, in which everything happens that a page has to show. */
function fateOf(h: number, ago: number): Mishap | undefined {
  if (h === 1 && ago < 3) return 'missing';
  if (h === 2 && ago === 0) return 'owed';
  if ((ago + h * 37) % 97 === 40) return 'failed';
  if ((ago * 3 + h * 11) % 131 === 50) return 'odd';
  if ((ago + h * 13) % 173 === 90) return 'missing';
  return (ago + h) % 151 === 77 ? 'skipped' : undefined;
}

const overview = overviewOfHistory(historyOf({ hosts: 3, nights: 365, now: NOW, mishap: fateOf }), NOW, [
  {
    rule: 'belongs',
    severity: 'error',
    host: null,
    path: 'dump.sql',
    message: 'it does not belong here',
    hint: 'look',
  },
]);
const skip = whyNoBrowser() ?? false;

t.test('the page in a browser', { skip }, async (t) => {
  const browser = await startBrowser(t);
  const { url, asked } = await servePage(t, renderPage(overview));
  const empty = await (await browser.newContext()).newPage();

  const open = async (options: BrowserContextOptions): Promise<Page> => {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    t.teardown(() => context.close());
    const page = await context.newPage();
    page.on('console', (message) => t.fail(`the console says: ${message.text()}`));
    page.on('pageerror', (error) => t.fail(`an error of the page: ${error.message}`));
    asked.length = 0;
    await page.goto(url);
    return page;
  };

  for (const { name, width, colorScheme } of VIEWS) {
    const isPhone = width < 720;
    t.test(`${name}: is whole, readable and accessible`, async (t) => {
      const page = await open({ viewport: { width, height: 900 }, colorScheme });
      t.strictSame(asked, ['GET /page.html'], 'it asks for itself alone');
      t.strictSame(await page.evaluate(overflows), [], 'nothing stands out at the side');
      const { violations } = await page.evaluate<{ violations: readonly Violation[] }>(
        `${axe.source}; axe.run(document, { resultTypes: ['violations'] })`,
      );
      t.strictSame(violations.map(describe), []);
      const layout = await page.evaluate(rowsOf, ['.tile', '#host-db1 .halves > svg', '#host-db1 .pair > figure']);
      t.strictSame(layout, {
        '.tile': isPhone ? '2 of 4' : '4 of 4',
        '#host-db1 .halves > svg': isPhone ? '1 of 2' : '2 of 2',
        '#host-db1 .pair > figure': isPhone ? '1 of 2' : '2 of 2',
      });
      const drawn = await page.evaluate(contrasts, [
        ...['.n-ok', '.n-odd', '.n-bad', '.n-skip', '.p-odd'].map((selector) => [`main ${selector}`, 'fill']),
        ...['.n-gone', '.l-sql', '.l-took'].map((selector) => [`main ${selector}`, 'stroke']),
      ]);
      for (const { selector, contrast } of drawn)
        t.ok(contrast >= 3, `${selector} has a contrast of ${contrast.toFixed(1)}`);
      const [text] = await page.evaluate(contrasts, [['#host-db1 .pair text', 'fill']]);
      t.ok(text && text.contrast >= 4.5, `letters in charts have ${text?.contrast.toFixed(1)}`);
      const ground = await page.evaluate(contrasts, [['body', 'color']]);
      t.ok((ground[0]?.contrast ?? 0) > 12, 'text stands against the page');
    });

    t.test(`${name}: the charts are those that are stored`, async (t) => {
      for (const [chart, selector] of [
        ['nights', '#host-db2 .halves'],
        ['size', '#host-db2 .pair > figure:nth-child(1) > svg'],
        ['duration', '#host-db2 .pair > figure:nth-child(2) > svg'],
        ['strip', '#hosts tr:nth-child(2) .strip'],
      ] as const) {
        if (chart === 'strip' && isPhone) continue;
        const page = await open({ viewport: { width, height: 900 }, colorScheme });
        const shot = await page.screenshot({ clip: await page.evaluate(leaveAlone, selector) });
        const stored = new URL(`${name}-${chart}.png`, STORED);
        if (process.env.COFFRE_SCREENSHOTS === 'new') {
          await mkdir(STORED, { recursive: true });
          await writeFile(stored, shot);
        }
        if (!existsSync(stored)) {
          t.fail(`there is no ${stored.pathname}`);
          continue;
        }
        const {
          sizes,
          mean,
          most = 0,
        } = await empty.evaluate(compareImages, [shot.toString('base64'), (await readFile(stored)).toString('base64')]);
        const [w = 0, h = 0, storedW = 0, storedH = 0] = sizes;
        t.ok(Math.abs(w - storedW) <= 2 && Math.abs(h - storedH) <= 2, `${chart} is ${sizes.join(' ')} large`);
        t.ok(mean < 4 && most < 20, `${chart} differs by ${mean.toFixed(2)}, at most ${most.toFixed(1)}`);
      }
    });
  }

  t.test('nothing stands out at the side at any other width, and on paper', async (t) => {
    const page = await open({});
    for (const width of [320, 480, 719, 720, 860, 1023, 1024, 1600]) {
      await page.setViewportSize({ width, height: 900 });
      t.strictSame(await page.evaluate(overflows), [], `${width}`);
    }
    await page.emulateMedia({ media: 'print' });
    await page.setViewportSize({ width: 718, height: 1000 }); // A4 between the usual margins
    t.strictSame(await page.evaluate(overflows), []);
  });

  t.test('a light page and a dark one are two, and paper is light', async (t) => {
    const [light, dark] = [await open({ colorScheme: 'light' }), await open({ colorScheme: 'dark' })];
    const ground = (page: Page) => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    t.equal(await ground(light), 'rgb(245, 245, 242)');
    t.equal(await ground(dark), 'rgb(16, 19, 21)');
    await dark.emulateMedia({ media: 'print', colorScheme: 'dark' });
    t.equal(await ground(dark), 'rgb(255, 255, 255)');
    t.equal(await dark.locator('details').first().isVisible(), false, 'the long tables are not printed');
    const pdf = await dark.pdf({ format: 'A4' });
    t.equal(pdf.subarray(0, 5).toString(), '%PDF-');
    const pages = pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0;
    t.ok(pages >= 3 && pages <= 10, `${pages} sheets for three hosts`);
  });

  t.test('it is the same where no script may run', async (t) => {
    const page = await open({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
    t.match(
      await page.locator('h1').innerText(),
      /^2 of 3 hosts are recoverable as of 22 Nov 2026, 04:00 UTC; db2 is not/,
    );
    t.ok(await page.locator('#host-db3 .halves svg').first().isVisible());
    t.equal(await page.locator('#host-db1 details table').isVisible(), false);
    await page.locator('#host-db1 summary').click();
    t.ok(await page.locator('#host-db1 details table').isVisible(), 'the table opens');
  });

  t.test('a keyboard reaches everything, first of all the hosts', async (t) => {
    const page = await open({ viewport: { width: 1280, height: 900 } });
    await page.keyboard.press('Tab');
    t.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the hosts');
    await page.keyboard.press('Enter');
    t.match(page.url(), /#hosts$/);
    await page.keyboard.press('Tab');
    t.equal(await page.evaluate('document.activeElement.textContent'), 'db2', 'what needs attention first');
  });

  t.test('whatever a name or a message holds, nothing runs and nothing is asked for', async (t) => {
    const nasty = '<img src="/x" onerror="console.log(1)"><script src="/y"></script><style>@import "/z"</style>';
    const finding = {
      rule: 'belongs',
      severity: 'error',
      host: null,
      path: nasty,
      message: nasty,
      hint: nasty,
    } as const;
    const hostile = await servePage(t, renderPage({ ...overview, findings: [finding] }));
    const page = await browser.newPage();
    page.on('console', (message) => t.fail(`the console says: ${message.text()}`));
    await page.goto(hostile.url);
    t.strictSame(hostile.asked, ['GET /page.html']);
    t.ok((await page.locator('.findings').first().innerText()).includes(nasty), 'it is shown as it is');
    await page.close();
  });
});

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

function describe({ id, help, nodes }: Violation): string {
  return `${id}: ${help}: ${nodes.length} times, such as ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary}`;
}
