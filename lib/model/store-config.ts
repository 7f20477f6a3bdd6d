import * as z from 'zod';
import { Path } from './config-parts.ts';

/** `store` of a host: the replicated volume with its archives. */
export const StoreConfig = z
  .strictObject({
    path: Path,
    mount: z
      .string()
      .regex(/^(none|[a-z0-9._-]+)$/, 'none, or a file system type such as fuse.glusterfs')
      .describe('File system type that must be mounted at or above the path; none for a plain folder'),
    source: z
      .string()
      .regex(/^[^\0\n]+$/, 'what findmnt shows as SOURCE, such as db1:/data')
      .optional()
      .describe(
        'What must be mounted there, as findmnt shows it as SOURCE, such as db1:/data; anything of that type if absent',
      ),
    readBack: z
      .boolean()
      .default(false)
      .describe(
        'Whether every file of a run is read once more from the volume, past the cache of the host, before the run counts; the archives have been read back once by then',
      ),
    whenUnavailable: z
      .enum(['go-on', 'fail'])
      .default('go-on')
      .describe(
        'When the store is not mounted, does not answer, is read-only, locked by another host, or has no room before a run begins. go-on: the run goes to the export and the offsites, its archives wait in the export, and the next run that finds the store takes them there; fail: the run fails',
      ),
    reserve: z
      .strictObject({
        runs: z.int().min(1).max(1000).default(7).describe('How many of the newest runs are looked at'),
        factor: z
          .number()
          .min(0)
          .max(100)
          .default(1.2)
          .describe('How many times the largest of them must be free before a run begins; 0: nobody looks'),
      })
      .prefault({})
      .describe('The free space that a run must find in the store; the same is looked for, and told, in the export'),
  })
  .describe('The replicated volume with the archives, one folder a run');
export type StoreConfig = z.infer<typeof StoreConfig>;

/** What says whether a folder is the store: of any other folder that is written to, only its path. */
export type StorePlace = Pick<StoreConfig, 'path' | 'mount' | 'source'>;
