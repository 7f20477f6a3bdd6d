import * as z from 'zod';
import { AuditConfig } from './audit-config.ts';
import { agentConfig, CronFilePath, Path, SshConfig, settingsConfig, UserName } from './config-parts.ts';
import { LogConfig } from './log-config.ts';
import { MetricsConfig } from './metrics-config.ts';
import { HostName, OffsiteName, RecipientName } from './names.ts';
import { Notifier } from './notify-config.ts';

/*
 * A machine that drills: `inventory/drillers/<name>.yaml`, over what `defaults.yaml` says of `audit` and `timezone`. Its
 * folders are other ones than those of a host, so that one machine can be both.
 */

/** A unix socket's path is short, and stands below this folder. */
const FOLDER_LENGTH = 80;

const DrillLogin = z.strictObject({
  host: HostName.describe('Whose runs are read'),
  offsite: OffsiteName.describe('From which of its offsites'),
  user: UserName.optional().describe('The account over there; that of the host if absent'),
  path: Path.optional().describe('Folder of the runs, as this account sees it; that of the host if absent'),
  identity: Path.optional().describe('Private SSH key on the driller; `identity` of the driller if absent'),
});

export const DrillerConfig = z
  .strictObject({
    ssh: SshConfig.optional().describe('How control reaches the driller'),
    hosts: z.array(HostName).min(1).describe('Whose newest run is restored, one after another'),
    from: z
      .string()
      .regex(/^(store|export|offsite(:[a-z0-9][a-z0-9_-]{0,62})?)$/, 'store, export, offsite, or offsite:<name>')
      .default('offsite')
      .describe('The copy that is restored: offsite is the first offsite of each host'),
    schedule: z.string().describe('When the drill runs: five cron fields, in the time zone below'),
    timezone: z.string().default('UTC').describe('IANA name of the time zone of the driller'),
    folder: Path.max(FOLDER_LENGTH)
      .default('/var/lib/coffre-drill/scratch')
      .describe('Takes the throwaway server while a drill lasts: plain data, so choose a disk that is guarded'),
    bufferPoolMegabytes: z.int().min(64).max(1_048_576).default(256).describe('Memory of the throwaway server'),
    recipient: RecipientName.default('drill' as RecipientName).describe(
      'The recipient whose private key the driller has',
    ),
    key: Path.default('/etc/coffre-drill/drill.pem').describe(
      'Its private key, mode 0600, without a passphrase; made there by provisioning',
    ),
    identity: Path.default('/etc/coffre-drill/offsite_ed25519').describe(
      'Private SSH key by which the driller reads the offsites, mode 0600; made there by provisioning',
    ),
    rcloneConfig: Path.default('/etc/coffre-drill/rclone.conf').describe(
      "Configuration file of rclone on the driller, mode 0600, for offsites of that kind: with the remotes' names of the hosts",
    ),
    logins: z.array(DrillLogin).default([]).describe("Where the driller logs in otherwise than the host's account"),
    audit: AuditConfig.describe('Where the records of the drills are published'),
    secrets: z
      .strictObject({ path: Path })
      .prefault({ path: '/etc/coffre-drill/.env' })
      .describe('The .env file of the driller, mode 0600, such as for the token of its audit repository'),
    state: z
      .strictObject({ path: Path })
      .prefault({ path: '/var/lib/coffre-drill' })
      .describe("Folder with the driller's signing key, its place in its chains, and what is not published yet"),
    settings: settingsConfig('/etc/coffre-drill', 'driller'),
    agent: agentConfig('/opt/coffre-drill').describe('The software on the driller, and how it comes there'),
    scheduler: z
      .strictObject({
        kind: z.enum(['cron', 'none']).default('cron').describe('What starts the drill'),
        cronFile: CronFilePath.default('/etc/cron.d/coffre-drill'),
      })
      .prefault({})
      .describe('How the drill is started'),
    metrics: MetricsConfig.optional(),
    log: LogConfig,
    notify: z.array(Notifier).max(20).default([]).describe('Who is told of the drills, and of what'),
  })
  .describe('One machine that drills, after its defaults are merged in');

/** A driller with its name, every field present. */
export type DrillerConfig = z.infer<typeof DrillerConfig> & { readonly name: HostName };
