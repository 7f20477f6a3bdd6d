import { Acknowledged, type Acknowledgement } from '../model/acknowledgement.ts';
import { explainIssues } from './explain.ts';
import type { InventoryFinding } from './finding.ts';
import { place, readYaml } from './source.ts';

const FILE = 'acknowledged.yaml';

/** Findings of `validate` that are not to be told any more; there need not be a file. What is wrong in it joins `findings`. */
export async function readAcknowledged(
  folder: string,
  findings: InventoryFinding[],
): Promise<readonly Acknowledgement[]> {
  const file = await readYaml(folder, FILE, findings);
  if (!file || file.findings.length > 0) return [];
  const parsed = Acknowledged.safeParse(file.value);
  if (parsed.success) return parsed.data.findings;
  const source = { file, defaults: file, alone: true };
  for (const { steps, message } of explainIssues(parsed.error.issues, file.value, Acknowledged))
    findings.push(place(source, 'acknowledged', steps, message));
  return [];
}
