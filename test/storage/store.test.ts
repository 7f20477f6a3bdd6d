import t from 'tap';
import { storeContract } from '../contract/store.ts';
import { temporaryFolder } from '../temporary.ts';

t.test('a plain folder as a store', async (t) => {
  const { path, remove } = temporaryFolder();
  t.teardown(remove);
  await storeContract(t, { path, mount: 'none' });
});
