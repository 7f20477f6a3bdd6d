import { DrillerConfig } from '../model/driller-config.ts';
import type { HostConfig } from '../model/inventory.ts';
import { HostName } from '../model/names.ts';
import { DRILLER_RULES, type Surroundings, UNDRILLED } from './driller-rules.ts';
import { explainIssues } from './explain.ts';
import type { InventoryFinding } from './finding.ts';
import { mergeDefaults } from './merge.ts';
import { place, readYaml, type Source } from './source.ts';
import { aboutFile, listFiles } from './text-file.ts';
import type { ValueMap, YamlFile } from './yaml-document.ts';

/** What a driller takes from the defaults of the hosts: its folders are its own. */
const SHARED = ['audit', 'timezone'] as const;

/** Every `drillers/<name>.yaml`, with all that is found. There need not be any. */
export async function readDrillers(
  folder: string,
  /** undefined while they cannot be read. */
  defaults: YamlFile | undefined,
  surroundings: Surroundings,
): Promise<{
  readonly drillers: ReadonlyMap<HostName, DrillerConfig>;
  /** Also of those that do not fit. */
  readonly names: ReadonlySet<HostName>;
  readonly findings: readonly InventoryFinding[];
}> {
  const { names, findings } = await listFiles(folder, 'drillers', '.yaml');
  const sources = new Map<HostName, Source>();
  for (const text of names) {
    const path = `drillers/${text}.yaml`;
    const file = await readYaml(folder, path, findings);
    const name = HostName.safeParse(text);
    if (!name.success)
      findings.push(aboutFile('schema', path, name.error.issues[0]?.message ?? 'the name does not fit'));
    else if (file) sources.set(name.data, { file, defaults: defaults ?? file, alone: defaults === undefined });
  }
  const drillers = new Map<HostName, DrillerConfig>();
  for (const [name, source] of sources) {
    const driller = parseDriller(name, source, findings);
    if (driller) drillers.set(name, driller);
  }
  for (const [rule, judge] of Object.entries(DRILLER_RULES)) {
    for (const driller of drillers.values()) {
      const source = sources.get(driller.name);
      for (const { steps, message } of judge(driller, surroundings))
        if (source) findings.push(place(source, rule, steps, message));
    }
  }
  // While a driller cannot be read nobody knows whom it drills.
  if (drillers.size === sources.size) findings.push(...undrilled(drillers, surroundings.hosts));
  return { drillers, names: new Set(sources.keys()), findings };
}

function parseDriller(name: HostName, source: Source, findings: InventoryFinding[]): DrillerConfig | undefined {
  if (source.file.findings.length > 0) return undefined;
  const merged = mergeDefaults(shared(source.defaults.value), source.file.value);
  const parsed = DrillerConfig.safeParse(merged);
  if (parsed.success) return { ...parsed.data, name };
  for (const { steps, message, missing } of explainIssues(parsed.error.issues, merged, DrillerConfig)) {
    // What may stand in the defaults that cannot be read is not said to be missing.
    if (source.alone && missing && SHARED.some((each) => each === steps[0])) continue;
    findings.push(place(source, steps.at(-1) === 'hostKey' ? 'pinned-host-key' : 'schema', steps, message));
  }
  return undefined;
}

function shared(defaults: ValueMap): ValueMap {
  return Object.fromEntries(Object.entries(defaults).filter(([key]) => SHARED.some((each) => each === key)));
}

function undrilled(
  drillers: ReadonlyMap<HostName, DrillerConfig>,
  hosts: ReadonlyMap<HostName, HostConfig>,
): InventoryFinding[] {
  const drilled = new Set([...drillers.values()].flatMap((driller) => driller.hosts));
  return [...hosts.values()]
    .filter(({ name, drill }) => drill !== undefined && !drilled.has(name))
    .map(({ name }) =>
      aboutFile(UNDRILLED, `hosts/${name}.yaml`, 'drills of this host are demanded, and no drillers/*.yaml names it'),
    );
}
