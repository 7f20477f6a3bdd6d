import type { LabHostSpec } from './lab-plan.ts';

/**
 * The lab that shows the whole story: a primary and its replica with cron, both holding a brick of one GlusterFS volume
 * that both have mounted at /mnt/data, the contractor and the audit repository's server.
 */
export const STANDARD_LAB: readonly LabHostSpec[] = [
  { name: 'db1', roles: ['database', 'cron', 'gluster'] },
  { name: 'db2', roles: ['database', 'cron', 'gluster'], replicaOf: 'db1' },
  { name: 'contractor', roles: ['contractor'] },
  { name: 'git', roles: ['git'] },
];
