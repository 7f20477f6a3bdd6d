import { join } from 'node:path';
import t from 'tap';
import { openDirectoryOffsite } from '../../lib/storage/directory-offsite.ts';
import { offsiteContract } from '../contract/offsite.ts';

offsiteContract(t, {
  name: 'a folder',
  open: async (folder) => openDirectoryOffsite(folder),
  verified: 'read back',
  resumes: false,
});

t.test('does not say that there are no runs when the folder is not there', async (t) => {
  const offsite = openDirectoryOffsite(join(t.testdir(), 'not mounted'));
  await t.rejects(offsite.listRuns(), { code: 'not-found' });
});
