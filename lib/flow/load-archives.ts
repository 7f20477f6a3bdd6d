import type { ArchiveDigests } from '../archive/digests.ts';
import type { Archive } from '../model/archive-record.ts';
import { CoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import type { RunReader } from '../storage/run-reader.ts';
import type { LoadFailure, LoadOrder, LoadPlan } from './load-plan.ts';
import { LoadRun } from './load-run.ts';
import { openArchives } from './open-archives.ts';

/**
 * Loads every archive of the plan, several at a time: the tables of all, then the views, which may refer to those of other
 * databases, then the accounts, and the events last. Returns what each says of its content, and which the server did not
 * take: of those databases nothing is left there. Throws for anything else, `verification-failed` when the day archive
 * lacks one; then nothing is left of any that is not whole.
 */
export async function loadArchives(
  plan: LoadPlan,
  manifest: Manifest,
  reader: RunReader,
  passphrase: Passphrase,
  order: LoadOrder,
): Promise<{ readonly sealed: ReadonlyMap<Archive, ArchiveDigests>; readonly failures: readonly LoadFailure[] }> {
  const run = new LoadRun(plan, manifest.host, order);
  const sequences = openArchives(plan, manifest, reader, passphrase, run.parallel);
  run.budget.give(run.parallel - sequences.length);
  let open = sequences;
  try {
    while (open.length > 0) {
      const paused = await run.together(open.map((sequence) => run.tables(sequence)));
      await run.views();
      const accounts = paused.flatMap((each) => (each ? [each] : []));
      for (const { file } of accounts) await run.accounts(file);
      open = accounts.map(({ sequence }) => sequence);
    }
    await run.events();
  } catch (error) {
    await run.takeBackUnfinished();
    throw error;
  } finally {
    for (const sequence of sequences) await sequence.return();
  }
  const { sealed, failures } = run;
  const missing = plan.archives.filter(
    (each) => !sealed.has(each) && !failures.some(({ archive }) => archive === each),
  );
  const inOrder = plan.archives.flatMap((archive) => {
    const digests = sealed.get(archive);
    return digests ? [[archive, digests] as const] : [];
  });
  if (missing.length === 0) return { sealed: new Map(inOrder), failures };
  throw new CoffreError(
    'verification-failed',
    `cannot restore ${missing.map(({ file }) => file).join(', ')}: not in the day archive`,
    {
      hint: 'take another copy of the run',
    },
  );
}
