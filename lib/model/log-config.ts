import * as z from 'zod';
import { Path } from './config-parts.ts';

export const LogConfig = z
  .strictObject({
    syslog: z
      .boolean()
      .default(true)
      .describe('Whether a task that no terminal watches tells the system log of itself'),
    socket: Path.default('/dev/log').describe('Where the system log listens; where nobody does, nothing is told'),
  })
  .prefault({})
  .describe('What the system log is told: one line for each phase, warning and failure, with the name of the run');
export type LogConfig = z.infer<typeof LogConfig>;
