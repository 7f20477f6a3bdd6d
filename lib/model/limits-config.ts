import * as z from 'zod';

const TimeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 07:00');

const UploadWindow = z
  .strictObject({
    from: TimeOfDay.describe('When it begins, by the clock on the wall in the time zone of the host'),
    to: TimeOfDay.describe('When it ends; before `from`: on the next day'),
    bytesPerSecond: z.int().min(1024).describe('What is sent meanwhile to all offsites together'),
  })
  .refine(({ from, to }) => from !== to, 'begins when it ends: for all day there is uploadBytesPerSecond');

/*
 * A host serves while it is backed up. Being last in the queue costs a run nothing on a machine that has nothing else to
 * do, so that is the default. A rate costs time on any machine, so that nobody has one who does not ask for it.
 */
export const LimitsConfig = z
  .strictObject({
    nice: z
      .int()
      .min(0)
      .max(19)
      .default(10)
      .describe(
        'Niceness of the run and of every program that it starts, not of the server. At 10 it takes a tenth of what a process of the server takes where both want the processor, and all of it where nobody else does. It counts from the moment on when every dump has its snapshot: commits are held back until then, and shall not be for longer',
      ),
    io: z
      .enum(['normal', 'best-effort', 'idle'])
      .default('best-effort')
      .describe(
        'I/O priority of the same, from then on: best-effort, the last of its eight levels; idle, only while nobody else asks, which can starve a run on a busy disk; normal, as it is. It counts where the scheduler of the disk knows priorities (bfq, mq-deadline)',
      ),
    uploadBytesPerSecond: z
      .int()
      .min(1024)
      .optional()
      .describe('What is sent to all offsites together, in bytes a second; if absent, as fast as the line is'),
    uploadWindows: z
      .array(UploadWindow)
      .min(1)
      .optional()
      .describe(
        'Other rates at some hours of each day; the first window that the time is in counts, and outside of all of them uploadBytesPerSecond',
      ),
    dumpBytesPerSecond: z
      .int()
      .min(1_000_000)
      .optional()
      .describe(
        'Rate at which all dumps together are read from the server, in bytes a second; if absent, as fast as it goes. No dump gets less than some 50 KB a second, or the server would drop it. The slower, the longer the server has to keep the state of the snapshot',
      ),
  })
  .prefault({})
  .describe('How a run gives way to what the host serves');
export type LimitsConfig = z.infer<typeof LimitsConfig>;
