import type { Manifest } from '../model/manifest.ts';
import { formatBytes } from './format.ts';

/** The last words of the quickstart: what was shown, where it is, what to try next. */
export function formatQuickstart({
  folder,
  manifest,
  databases,
}: {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly databases: readonly string[];
}): string {
  const plain = manifest.archives.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
  const sealed = manifest.dayArchive?.sealedBytes ?? 0;
  return `
${databases.length} databases and the accounts, ${formatBytes(plain)} of SQL, sealed to ${formatBytes(sealed)}, were lost and came back twice, the same
table by table: once with coffre, once with openssl, tar, gzip and mariadb alone.

Look around in ${folder}:
  inventory/          what is backed up, for whom, where to; no secret in it
  keys/               the recipients' private keys (a demo: the passphrase stands beside them)
  host/               the host's folders: store, export, wrapped keys, state, agent, cron entry
  offsite/backups/    what the contractor has; read db1/${manifest.run}/RECOVERY.txt
  audit.git           the signed record: git --git-dir ${folder}/audit.git log --stat; its README.md is for auditors

Try next (the inventory of the quickstart is the default while it is there):
  npx zx tasks/provision.ts --check
  npx zx tasks/backup.ts
  npx zx tasks/list.ts --from offsite:contractor
  npx zx tasks/restore.ts --from offsite:contractor --database shop --overwrite shop \\
    --key ${folder}/keys/company.pem --passphrase-file ${folder}/keys/passphrase.txt --defaults-file ${folder}/host/root/admin.cnf
  npx zx tasks/validate.ts
  npm run quickstart -- --down`;
}
