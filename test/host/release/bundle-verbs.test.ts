import t from 'tap';
import { bundleVerbs } from '../../../lib/host/release/bundle-verbs.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;

t.test('a verb that control can have a host carry out brings nothing of what builds releases', async (t) => {
  const { files, packages } = await bundleVerbs(ROOT, ['restore']);
  t.ok(packages.includes('node_modules/ssh2'), packages.join());
  for (const name of ['node_modules/esbuild', 'node_modules/tsx']) t.notOk(packages.includes(name), name);
  const whole = [...files.values()].reduce((total, content) => total + content.length, 0);
  t.ok(whole < 4_000_000, `${whole} bytes`);
});

t.test('what draws the page is not for hosts: no verb of theirs brings it', async (t) => {
  const { packages } = await bundleVerbs(ROOT, ['list', 'validate', 'verify']);
  for (const name of ['node_modules/echarts', 'node_modules/zrender']) t.notOk(packages.includes(name), name);
});
