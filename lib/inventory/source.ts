import { type InventoryFinding, renderSteps, type Steps } from './finding.ts';
import { readText } from './text-file.ts';
import { parseYaml, type YamlFile } from './yaml-document.ts';

/** The own file of a host or a driller, and the one whose values it takes where it has none. */
export interface Source {
  readonly file: YamlFile;
  readonly defaults: YamlFile;
  /** Whether the defaults cannot be read: then nobody knows what is lacking, and `defaults` is its own file. */
  readonly alone: boolean;
}

/** A YAML file of the inventory; undefined when there is none, or when it cannot be had, which is then a finding. */
export async function readYaml(
  folder: string,
  file: string,
  findings: InventoryFinding[],
): Promise<YamlFile | undefined> {
  const text = await readText(folder, file);
  if (text === undefined) return undefined;
  if (typeof text !== 'string') {
    findings.push(text);
    return undefined;
  }
  const yaml = parseYaml(file, text);
  findings.push(...yaml.findings);
  return yaml;
}

/** Points at the file that says more about `steps`: the own one, unless only the defaults have it. */
export function place({ file, defaults }: Source, rule: string, steps: Steps, message: string): InventoryFinding {
  const own = file.locate(steps);
  const inherited = defaults.locate(steps);
  const [where, { line, column }] = inherited.depth > own.depth ? [defaults.file, inherited] : [file.file, own];
  return { rule, file: where, line, column, path: renderSteps(steps), message };
}
