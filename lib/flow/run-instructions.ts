import type { Manifest } from '../model/manifest.ts';
import { recoveryText } from '../seal/recovery-text.ts';
import type { RunForm } from './run-files.ts';

/** RECOVERY.txt of a run: the same bytes whenever and wherever it is made. */
export function runInstructions(
  form: RunForm,
  {
    host,
    run,
    encryption,
    recipients,
    archives,
    names,
  }: Pick<Manifest, 'host' | 'run' | 'encryption' | 'recipients' | 'archives' | 'names'>,
): string {
  return recoveryText(form, { host, run, iterations: encryption?.iterations ?? 0, recipients, archives, names });
}
