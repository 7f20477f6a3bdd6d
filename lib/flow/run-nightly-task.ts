import * as z from 'zod';
import { readCronCommand } from '../host/cron-command.ts';
import { parseCronTable } from '../host/cron-table.ts';
import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import { Manifest } from '../model/manifest.ts';
import { start } from '../system/command.ts';
import { readRequired } from '../system/files.ts';
import { requireProgram } from '../system/programs.ts';
import { hearAgent } from './hear-agent.ts';

const Result = z.object({ manifest: Manifest, owed: z.array(z.object({ what: z.string() })) });
export type NightlyResult = z.infer<typeof Result>;

/**
 * Runs what stands in the host's cron file as cron would: by the shell, with the environment of the file; only that it
 * tells its events. Throws what the task tells, and `not-found` for a file without a task.
 */
export async function runNightlyTask(cronFile: string, emit: Emit): Promise<NightlyResult> {
  const { entries } = parseCronTable((await readRequired(cronFile)).toString('utf8'));
  const [entry] = entries;
  if (!entry)
    throw new CoffreError('not-found', `cannot find a task in ${cronFile}`, { hint: 'npx zx tasks/provision.ts' });
  const running = start(requireProgram('sh'), ['-c', `${readCronCommand(entry.command).script} --json`], {
    env: entry.environment,
  });
  running.stdin.end();
  const result = await hearAgent(running.stdout, Result, emit);
  const { exitCode } = await running.ended;
  if (result) return result;
  throw new CoffreError(
    'unexpected',
    `cannot run the task of ${cronFile}: it ended with ${exitCode} and told nothing`,
    {
      hint: `try it: sh -c '${entry.command}'`,
    },
  );
}
