import { resolve } from 'node:path';
import { quickstart, stopQuickstart } from '../lib/flow/quickstart.ts';
import { formatQuickstart } from '../lib/report/quickstart-result.ts';

import { runTask } from './run-task.ts';

const FOLDER = '.quickstart';

await runTask({
  verb: 'quickstart',
  usage: '[--down]',
  summary: `The whole story on this machine, in ${FOLDER}: a MariaDB, a contractor's sshd, an audit repository, keys, a host
provisioned over SSH, one backup, validate, everything dropped, restored twice from the off-site copy, compared. Starts afresh each time and leaves its
servers running, so that every other task can be tried on it.`,
  options: { down: 'stop what an earlier quickstart has started' },
  examples: ['', '--down'],
  async run({ values, emit, signal }) {
    const folder = resolve(FOLDER);
    if (values.down) {
      await stopQuickstart(folder);
      return { text: `stopped; the folder ${FOLDER} can be removed`, data: { folder: FOLDER } };
    }
    const result = await quickstart(folder, emit, signal);
    return { text: formatQuickstart(result), data: result };
  },
});
