import type { FaultKind } from '../fault.ts';
import { LINK_FAULTS } from './links.ts';
import { CLOCK_FAULTS, DISK_FAULTS } from './machine.ts';
import { PROCESS_FAULTS, SERVER_FAULTS, SSHD_FAULTS } from './processes.ts';

/** Everything that can befall a night. Their order is part of what a seed means. */
export const KINDS: readonly FaultKind[] = [
  ...PROCESS_FAULTS,
  ...SERVER_FAULTS,
  ...SSHD_FAULTS,
  ...LINK_FAULTS,
  ...DISK_FAULTS,
  ...CLOCK_FAULTS,
];
