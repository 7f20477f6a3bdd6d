import t from 'tap';
import { killBehindEachStep } from '../fixture/kill-at-steps.ts';

/* SIGKILL at every boundary that the journal knows: exactly behind each time that it is written or removed, and behind the claim. */

t.setTimeout(400_000);
await killBehindEachStep(t, /\/(journal\.json|runs\/[\dT-]+Z)$/);
