import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllowedSigners } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import { HostConfig, type Inventory } from '../model/inventory.ts';
import { HostName, type RecipientName } from '../model/names.ts';
import { isDrillerFolder, readDrillerSlice } from './driller-slice.ts';
import { explainIssues } from './explain.ts';
import { type InventoryFinding, renderFinding, type Steps } from './finding.ts';
import { FLEET_RULES } from './fleet-rules.ts';
import { HOST_RULES } from './host-rules.ts';
import { mergeDefaults } from './merge.ts';
import { findPrivateKeys } from './private-keys.ts';
import { readAcknowledged } from './read-acknowledged.ts';
import { readDrillers } from './read-drillers.ts';
import { readRecipients, readRetired } from './recipients.ts';
import { isSliceFolder, readSlice } from './slice.ts';
import { place, readYaml, type Source } from './source.ts';
import { withStandIn } from './stand-in.ts';
import { aboutFile, listFiles, readText } from './text-file.ts';
import { parseYaml } from './yaml-document.ts';

const DEFAULTS = 'defaults.yaml';
const SIGNERS = 'signers/allowed_signers';

/**
 * The inventory in `folder`: every host with its defaults merged in, the machines that drill, the recipients, and who may
 * sign.
 * Reads all of it before it judges: throws one `inventory` error with all findings, each with file, line and path.
 * On a host or a driller the folder holds its own slice instead, as provisioning wrote it.
 */
export async function readInventory(folder: string): Promise<Inventory> {
  if (await isSliceFolder(folder)) return await readSlice(folder);
  if (await isDrillerFolder(folder)) return await readDrillerSlice(folder);
  const findings: InventoryFinding[] = [];
  const there = await stat(folder).catch(() => undefined);
  if (!there?.isDirectory()) {
    throw new CoffreError('inventory', `cannot read the inventory ${folder}: there is no such folder`, {
      hint: 'name it with --inventory, or copy the example folder inventory/',
    });
  }
  const { recipients, findings: aboutRecipients } = await readRecipients(folder);
  const { retired, findings: aboutRetired } = await readRetired(folder);
  const defaults = (await readYaml(folder, DEFAULTS, findings)) ?? parseYaml(DEFAULTS, '');
  const alone = findings.length > 0;
  const { names, findings: aboutHosts } = await listFiles(folder, 'hosts', '.yaml');
  findings.push(...aboutRecipients, ...aboutRetired, ...aboutHosts);
  if (names.length === 0) findings.push(aboutFile('file', 'hosts', 'there is no host: write hosts/<host>.yaml'));
  const sources = new Map<HostName, Source>();
  for (const name of names) {
    const file = await readYaml(folder, `hosts/${name}.yaml`, findings);
    const host = HostName.safeParse(name);
    if (!host.success)
      findings.push(
        aboutFile('schema', `hosts/${name}.yaml`, host.error.issues[0]?.message ?? 'the name does not fit'),
      );
    else if (file) sources.set(host.data, { file, defaults: alone ? file : defaults, alone });
  }
  const hosts = new Map<HostName, HostConfig>();
  for (const [name, source] of sources) {
    const host = parseHost(name, source, new Set(recipients.keys()), findings);
    if (host) hosts.set(name, host);
  }
  for (const [rule, judge] of Object.entries(FLEET_RULES)) {
    for (const { host, steps, message } of judge([...hosts.values()])) {
      const source = sources.get(host);
      if (source) findings.push(place(source, rule, steps, message));
    }
  }
  // Also of files that cannot be read: that has been told.
  const hostNames = new Set(names.flatMap((name) => HostName.safeParse(name).data ?? []));
  const drilling = await readDrillers(folder, alone ? undefined : defaults, {
    hosts,
    hostNames,
    recipients: new Set(recipients.keys()),
  });
  findings.push(...drilling.findings);
  const allowedSigners = await readSigners(folder, new Set([...hostNames, ...drilling.names]), findings);
  const acknowledged = await readAcknowledged(folder, findings);
  findings.push(...(await findPrivateKeys(folder)));
  refuse(folder, findings);
  return { folder, hosts, drillers: drilling.drillers, recipients, retired, allowedSigners, acknowledged };
}

/** The host as the schema reads it, with all that is found; undefined when it does not fit the schema. */
function parseHost(
  name: HostName,
  source: Source,
  recipients: ReadonlySet<RecipientName>,
  findings: InventoryFinding[],
): HostConfig | undefined {
  // A file that is not YAML has been told; what a host lacks because of that has not to be.
  if (source.file.findings.length > 0) return undefined;
  const { alone } = source;
  const merged = mergeDefaults(source.defaults.value, source.file.value);
  const standIns: Steps[] = [];
  let parsed = HostConfig.safeParse(merged);
  // A mistake can hide others of form: each round tells what the one before it has uncovered.
  for (let judged = merged, round = 0; !parsed.success && round < ROUNDS; round += 1) {
    for (const { steps, message, missing } of explainIssues(parsed.error.issues, judged)) {
      const rule = steps.at(-1) === 'hostKey' ? 'pinned-host-key' : 'schema';
      // What a host lacks is its own to say, except in a list, which is in one of the files as a whole.
      const own = missing === true && !steps.some((step) => typeof step === 'number');
      if (!(own && alone))
        findings.push(place(own ? { ...source, defaults: source.file } : source, rule, steps, message));
      standIns.push(steps);
      judged = withStandIn(judged, steps) as typeof judged;
    }
    parsed = HostConfig.safeParse(judged);
  }
  if (!parsed.success) return undefined;
  const host: HostConfig = { ...parsed.data, name };
  for (const [rule, judge] of Object.entries(HOST_RULES)) {
    for (const { steps, message } of judge(host, recipients)) {
      if (!standIns.some((standIn) => isWithin(steps, standIn))) findings.push(place(source, rule, steps, message));
    }
  }
  return standIns.length === 0 && !alone ? host : undefined;
}

const ROUNDS = 3;

function isWithin(steps: Steps, outer: Steps): boolean {
  return outer.every((step, index) => steps[index] === step);
}

async function readSigners(
  folder: string,
  hosts: ReadonlySet<HostName>,
  findings: InventoryFinding[],
): Promise<string> {
  const text = await readText(folder, SIGNERS);
  if (text === undefined) return '';
  if (typeof text !== 'string') {
    findings.push(text);
    return '';
  }
  const { signers, faults } = parseAllowedSigners(text);
  const strangers = signers
    .filter(({ host, retired }) => !hosts.has(host) && !retired)
    .map(({ host, line }) => ({
      line,
      message: `there is no hosts/${host}.yaml; a host that has left ends its line with the word retired`,
    }));
  for (const { line, message } of [...faults, ...strangers]) {
    findings.push({ rule: 'allowed-signers', file: SIGNERS, line, column: 1, path: '', message });
  }
  return text;
}

function refuse(folder: string, findings: readonly InventoryFinding[]): void {
  if (findings.length === 0) return;
  // A mistake in the defaults shows in every host: tell it once, in the order of files and lines.
  const ordered = [...findings].sort((a, b) => compare(a.file, b.file) || (a.line ?? 0) - (b.line ?? 0));
  const told = [...new Set(ordered.map(renderFinding))];
  throw new CoffreError(
    'inventory',
    `cannot use the inventory ${folder}: ${told.length} ${told.length === 1 ? 'finding' : 'findings'}`,
    {
      hint: `mend ${join(folder, ordered[0]?.file ?? '')} first; every finding names its file and line`,
      findings: told,
    },
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
