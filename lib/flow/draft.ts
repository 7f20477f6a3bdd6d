import type { HostConfig } from '../model/inventory.ts';
import { RECORD_VERSION } from '../model/record-parts.ts';
import { type RunId, startOfRun } from '../model/run-id.ts';
import { COFFRE_VERSION } from '../model/version.ts';
import type { Draft } from './journal.ts';

/** The record of a run that has done nothing yet: each phase adds what it knows. */
export function emptyDraft(host: HostConfig, run: RunId): Draft {
  return {
    version: RECORD_VERSION,
    kind: 'backup',
    host: host.name,
    run,
    outcome: 'succeeded',
    startedAt: startOfRun(run).toISOString(),
    phases: [],
    software: { coffre: COFFRE_VERSION, node: process.versions.node, dump: null, compressor: null },
    server: null,
    snapshot: null,
    encryption: null,
    recipients: [],
    archives: [],
    dayArchive: null,
    instructions: null,
    copies: [],
    deliveries: [],
    error: null,
  };
}
