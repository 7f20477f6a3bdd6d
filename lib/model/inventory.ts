import * as z from 'zod';
import type { Acknowledgement } from './acknowledgement.ts';
import { AuditConfig } from './audit-config.ts';
import { COMPRESSORS, type CompressorName } from './compression.ts';
import { agentConfig, CronFilePath, Path, SshConfig, settingsConfig } from './config-parts.ts';
import { DatabaseConfig } from './database-config.ts';
import type { DrillerConfig } from './driller-config.ts';
import { LimitsConfig } from './limits-config.ts';
import { LogConfig } from './log-config.ts';
import { MetricsConfig } from './metrics-config.ts';
import { type HostName, RecipientName } from './names.ts';
import { Notifier } from './notify-config.ts';
import { OffsiteConfig } from './offsite-config.ts';
import { StoreConfig } from './store-config.ts';
import { VerifyConfig } from './verify-config.ts';

/*
 * The inventory's schema. `inventory/hosts/<host>.yaml` is merged over `inventory/defaults.yaml`, and the result
 * must be a HostConfig. Every object is strict: an unknown key is an error.
 */

const Count = z.int().min(0).max(100_000);

export const Keep = z
  .strictObject({
    daily: Count.optional().describe('The newest run of so many days that have one, by the schedule of the host'),
    weekly: Count.optional().describe('… of so many weeks, which begin on Monday'),
    monthly: Count.optional().describe('… of so many months'),
    yearly: Count.optional().describe('… of so many years'),
  })
  .refine(
    (keep) => Object.values(keep).some((count) => count > 0),
    'keeps nothing: name how many days, or leave it out',
  );
/** How many runs stay at a place. What is absent counts as none. */
export type Keep = z.infer<typeof Keep>;

export const HostConfig = z
  .strictObject({
    ssh: SshConfig.optional().describe('How control reaches the host'),
    database: DatabaseConfig.describe('The server that is backed up, and by which account'),
    schedule: z.string().describe('When the nightly task runs: five cron fields, in the time zone below'),
    timezone: z.string().default('UTC').describe('IANA name of the time zone of the host'),
    graceHours: z
      .number()
      .min(0)
      .max(720)
      .default(6)
      .describe('Hours after the scheduled time until a missing run is a finding'),
    store: StoreConfig,
    export: z
      .strictObject({ path: Path })
      .prefault({ path: '/export' })
      .describe('Folder with the day archive of each run, from which it is shipped'),
    keys: z
      .strictObject({ path: Path })
      .prefault({ path: '/.dec' })
      .describe("Folder with the recipients' public keys and the wrapped passphrases"),
    state: z
      .strictObject({ path: Path })
      .prefault({ path: '/var/lib/coffre' })
      .describe("Folder with the host's signing key, its place in its chain, and what is not published yet"),
    secrets: z
      .strictObject({ path: Path })
      .prefault({ path: '/etc/coffre/.env' })
      .describe('The .env file with the secrets of the host'),
    recipients: z.array(RecipientName).describe('Who can open the backups of this host; at least two'),
    offsite: z.array(OffsiteConfig).default([]).describe('Where copies are shipped to'),
    compression: z
      .strictObject({
        program: z
          .enum(['auto', ...(Object.keys(COMPRESSORS) as [CompressorName, ...CompressorName[]])])
          .default('auto')
          .describe(
            'auto: the fastest that the host has of igzip, pigz and zlib, in this order; all but zstd write .tar.gz, and zstd writes .tar.zst, which a recovery by hand needs the program zstd for',
          ),
        level: z
          .int()
          .min(0)
          .max(19)
          .optional()
          .describe(
            'Of the program that is named: igzip 0 to 3, pigz, gzip and zlib 1 to 9, zstd 1 to 19; if absent 2, 6 and 3',
          ),
      })
      .prefault({ program: 'auto' })
      .describe('What compresses the archives'),
    limits: LimitsConfig,
    retention: z
      .strictObject({
        store: Keep.optional().describe('In the store'),
        export: Keep.optional().describe('In the export'),
        offsite: Keep.optional().describe('At each offsite'),
      })
      .optional()
      .describe('How many runs are kept where; at a place that is not named nothing is ever removed'),
    verify: VerifyConfig.optional(),
    audit: AuditConfig.describe('Where the records of the host are published'),
    names: z
      .enum(['plain', 'hashed'])
      .default('plain')
      .describe(
        'How databases and tables are named in manifests and by the files of a run: plain, as they are; hashed, by a key that only the host has, in names.key of its settings folder, and the real names lie beside each copy, sealed',
      ),
    settings: settingsConfig('/etc/coffre', 'host'),
    agent: agentConfig('/opt/coffre').describe('The software on the host, and how it comes there'),
    scheduler: z
      .strictObject({
        kind: z
          .enum(['auto', 'cron', 'systemd', 'none'])
          .default('auto')
          .describe('What starts the nightly task: cron where it is there, else a timer of systemd; none: nothing'),
        cronFile: CronFilePath.default('/etc/cron.d/coffre'),
        unitFolder: Path.default('/etc/systemd/system').describe('Where a timer and its service are written'),
      })
      .prefault({})
      .describe('How the nightly task is started'),
    drill: z
      .strictObject({
        maxAgeDays: z
          .number()
          .positive()
          .max(3660)
          .default(8)
          .describe('Days after which the last drill that succeeded is too old, and validate says so'),
      })
      .optional()
      .describe('That drills of the host are demanded; nobody asks for any if absent'),
    metrics: MetricsConfig.optional(),
    log: LogConfig,
    notify: z.array(Notifier).max(20).default([]).describe('Who is told of the nightly task, and of what'),
  })
  .describe('One host of the inventory, after its defaults are merged in');

/** A host with its name, defaults merged, every field present. */
export type HostConfig = z.infer<typeof HostConfig> & { readonly name: HostName };

/** A recipient's public key as the inventory holds it. */
export interface Recipient {
  readonly name: RecipientName;
  /** PEM: SubjectPublicKeyInfo, or a certificate with it, which has an end. */
  readonly publicKey: string;
}

export interface Inventory {
  /** Folder that it was read from. */
  readonly folder: string;
  readonly hosts: ReadonlyMap<HostName, HostConfig>;
  /** Machines that drill. On a host there are none. */
  readonly drillers: ReadonlyMap<HostName, DrillerConfig>;
  readonly recipients: ReadonlyMap<RecipientName, Recipient>;
  /** Keys that recipients had before, by the names of these: nothing is sealed for them any more. Absent on a host. */
  readonly retired?: readonly Recipient[];
  /** `inventory/signers/allowed_signers`, as text; empty when there is none yet. */
  readonly allowedSigners: string;
  /** Findings of `validate` that are not to be told any more. Absent on a host. */
  readonly acknowledged?: readonly Acknowledgement[];
}
