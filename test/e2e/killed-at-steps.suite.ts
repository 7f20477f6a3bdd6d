import t from 'tap';
import { killBehindEachStep } from '../fixture/kill-at-steps.ts';

/* SIGKILL exactly behind every durable step in the state of the host, and behind every name that a run gets or loses. */

t.setTimeout(900_000);
await killBehindEachStep(t, /\/var\/lib\/coffre\/.*|\/[\dT-]+Z$|\/\.[\dT-]+Z\.partial$/);
