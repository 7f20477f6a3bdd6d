import type { Connection } from '../database/connection.ts';
import { type MissingDefiner, readMissingDefiners } from '../database/missing-definers.ts';
import type { Emit } from '../model/event.ts';

/** Warns of what was restored and cannot run, because whom it runs as is not there. */
export async function tellMissingDefiners(target: Connection, databases: readonly string[], emit: Emit): Promise<void> {
  const missing = await readMissingDefiners(target, databases);
  for (const database of new Set(missing.map((each) => each.database))) {
    const own = missing.filter((each) => each.database === database);
    const text = `what runs as one who is not there fails when it is used: ${own.map(describe).join(', ')}`;
    emit({
      kind: 'warning',
      subject: database,
      text,
      hint: 'restore the accounts, too: --accounts; or make them there',
    });
  }
}

function describe({ definer, objects }: MissingDefiner): string {
  return `${definer.replace(/@$/, '')} (${objects === 1 ? 'one object' : `${objects} objects`})`;
}
