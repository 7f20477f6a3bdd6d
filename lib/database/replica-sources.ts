import { queryRecords } from './client.ts';
import type { Connection } from './connection.ts';

/** One primary that a server follows, as the server tells it. */
export interface ReplicaSource {
  /** Of the connection: empty for the one without a name. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Whether the IO thread has its connection. `connecting` says that it tries. */
  readonly receiving: 'yes' | 'connecting' | 'no';
  readonly applying: boolean;
  /** Number of the error by which the thread ended, or by which it cannot connect; 0 for none. */
  readonly receiveError: number;
  readonly applyError: number;
  /** null while nobody can tell: without a connection, or with nothing that applies. */
  readonly lagSeconds: number | null;
  /** By how much it is meant to lag: MASTER_DELAY. */
  readonly delaySeconds: number;
  readonly usesGtid: boolean;
  /** Whether parts of what the primary has are left out, or go elsewhere. */
  readonly filtered: boolean;
  /** Place in the primary's binary log up to which all is applied; an empty file while nothing is known. */
  readonly file: string;
  readonly position: number;
  /** Place up to which all has been received. */
  readonly receivedFile: string;
  readonly receivedPosition: number;
}

const FILTERS = [
  'Replicate_Do_DB',
  'Replicate_Ignore_DB',
  'Replicate_Do_Table',
  'Replicate_Ignore_Table',
  'Replicate_Wild_Do_Table',
  'Replicate_Wild_Ignore_Table',
  'Replicate_Do_Domain_Ids',
  'Replicate_Ignore_Domain_Ids',
  'Replicate_Rewrite_DB',
];

/**
 * Whom a server follows: none for one that is no replica. The account needs SLAVE MONITOR, otherwise this throws
 * `account-lacks-privilege`. https://mariadb.com/kb/en/show-replica-status/
 */
export async function readReplicaSources(connection: Connection): Promise<readonly ReplicaSource[]> {
  return (await queryRecords(connection, 'SHOW ALL SLAVES STATUS')).map(sourceOf);
}

function sourceOf(row: ReadonlyMap<string, string>): ReplicaSource {
  const text = (column: string) => row.get(column) ?? '';
  const number = (column: string) => Number(row.get(column)) || 0;
  const receiving = text('Slave_IO_Running');
  const lag = text('Seconds_Behind_Master');
  return {
    name: text('Connection_name'),
    address: text('Master_Host'),
    port: number('Master_Port') || 3306,
    // Preparing: it has the connection, and asks the primary for the rest.
    receiving: receiving === 'Yes' ? 'yes' : receiving === 'No' ? 'no' : 'connecting',
    applying: text('Slave_SQL_Running') === 'Yes',
    receiveError: number('Last_IO_Errno'),
    applyError: number('Last_SQL_Errno'),
    lagSeconds: /^\d+$/.test(lag) ? Number(lag) : null,
    delaySeconds: number('SQL_Delay'),
    usesGtid: !['No', ''].includes(text('Using_Gtid')),
    filtered: FILTERS.some((column) => text(column) !== ''),
    file: text('Relay_Master_Log_File'),
    position: number('Exec_Master_Log_Pos'),
    receivedFile: text('Master_Log_File'),
    receivedPosition: number('Read_Master_Log_Pos'),
  };
}

/** A source in a sentence: `10.0.0.1:3306`, with the connection's name where it has one. */
export function describeSource({ name, address, port }: ReplicaSource): string {
  const where = `${address}:${port}`;
  return name === '' ? where : `${where} (connection ${JSON.stringify(name)})`;
}
