import { connectionOf, describeServer } from '../database/connection.ts';
import { readServerVersion } from '../database/inspect-server.ts';
import { proveAccount } from '../database/prove-account.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Probe } from './try-conditions.ts';

/** Whether the backup account gets in, and can do what a dump does. */
export function databaseProbes({ database, name }: HostConfig): readonly Probe[] {
  const connection = connectionOf(database);
  const version = () => readServerVersion(connection);
  return [
    {
      check: 'database',
      says: 'the backup account can log in',
      late: 'database-unreachable',
      look: async () => ({ detail: `${describeServer(connection)}, ${await version()}` }),
    },
    {
      check: 'grants',
      says: 'its grants are enough for a dump',
      after: 'database',
      late: 'database-unreachable',
      async look() {
        const proofs = await proveAccount(connection, { version: await version() }, database);
        const named = (wanted: string) => [
          ...new Set(proofs.filter(({ kind }) => kind === wanted).map(({ privilege }) => privilege)),
        ];
        const [proven, rest] = [named('proven'), named('unproven')];
        const unproven = rest.length === 0 ? '' : `; with nothing to try on ${name}: ${rest.join(', ')}`;
        return { detail: `tried: ${proven.join(', ')}${unproven}` };
      },
    },
  ];
}
