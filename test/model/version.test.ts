import { readFileSync } from 'node:fs';
import t from 'tap';
import { COFFRE_VERSION } from '../../lib/model/version.ts';

t.test('names the version that package.json has', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  t.equal(COFFRE_VERSION, version);
});
