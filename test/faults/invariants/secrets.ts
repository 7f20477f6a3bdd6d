import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unwrapPassphrase } from '../../../lib/seal/envelope.ts';
import { openPrivateKey } from '../../../lib/seal/private-key.ts';
import { linesOfKey, type NamedSecret } from '../../fixture/secret-search.ts';
import type { FaultWorld } from '../fault-world.ts';
import { type Findings, runsIn } from './copies.ts';

/** Where a secret is at home: the server's own files, the operator's keys, the host's private settings, and those of the servers. */
const AT_HOME = [
  'host/mysql',
  'host/etc',
  'host/root',
  'keys',
  'git-sshd',
  'offsite/sshd',
  'devices',
  'base',
  'inventory',
];

/** How files begin that are compressed and not sealed. */
const UNSEALED: readonly (readonly [string, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
];
const TAR = { at: 257, magic: Buffer.from('ustar') };

/** Files below `folder` that hold a secret in the clear, or what is compressed and not sealed. */
export function searchFiles(
  folder: string,
  secrets: readonly NamedSecret[],
  { sinceMs = 0, except = [] }: { readonly sinceMs?: number; readonly except?: readonly string[] } = {},
): Findings {
  const found: string[] = [];
  const look = (path: string, relative: string) => {
    if (except.includes(relative)) return;
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory()) {
      for (const name of readdirSync(path)) look(join(path, name), relative === '' ? name : `${relative}/${name}`);
      return;
    }
    if (!stats?.isFile() || Math.max(stats.mtimeMs, stats.ctimeMs) < sinceMs) return;
    const content = readFileSync(path);
    for (const { name, value } of secrets) if (content.includes(value)) found.push(`${path} holds ${name}`);
    for (const [kind, magic] of UNSEALED)
      if (content.subarray(0, magic.length).equals(magic)) found.push(`${path} is ${kind}, not sealed`);
    if (content.subarray(TAR.at, TAR.at + TAR.magic.length).equals(TAR.magic)) found.push(`${path} is tar, not sealed`);
  };
  look(folder, '');
  return found;
}

/** Everything of the world that is written to, for what no file may hold. */
export async function checkSecrets(world: FaultWorld, sinceMs: number): Promise<Findings> {
  return searchFiles(world.at(), await secretsOf(world), { sinceMs, except: AT_HOME });
}

/** The disks as they are, with what was removed from them, and with what has no name. */
export async function checkDevices(world: FaultWorld): Promise<Findings> {
  if (world.disks.size === 0) return [];
  const secrets = await secretsOf(world);
  return [...world.disks.keys()].flatMap((name) => searchFiles(world.at('devices', name, 'lower'), secrets));
}

async function secretsOf(world: FaultWorld): Promise<readonly NamedSecret[]> {
  const { company, passphrase } = world.world.keys;
  const pem = await readFile(company, 'utf8');
  const key = openPrivateKey(pem, passphrase);
  const secrets: NamedSecret[] = [
    { name: 'a marked row', value: world.marker },
    { name: 'the password of the backup account', value: world.password },
    { name: 'the passphrase of the private keys', value: passphrase },
    ...linesOfKey('the private key of company', pem).slice(0, 3),
  ];
  const offsite = world.at('offsite/backups/db1');
  const places = [world.host.store.path, world.host.keys.path, offsite];
  const seen = new Set<string>();
  for (const path of places) {
    for (const run of await runsIn(path)) {
      if (seen.has(run)) continue;
      const wrapped = await readFile(join(path, run, 'company.key.enc')).catch(() => undefined);
      if (!wrapped) continue;
      seen.add(run);
      secrets.push({ name: `the passphrase of ${run}`, value: unwrapPassphrase(wrapped, key).reveal() });
    }
  }
  return secrets;
}
