import * as z from 'zod';
import { run } from '../system/command.ts';
import { openNamelessFile } from '../system/nameless-file.ts';
import { requireProgram } from '../system/programs.ts';
import { bytesOf } from './account-options.ts';
import { parseRows } from './client.ts';
import { withClientOptions } from './option-file-text.ts';
import type { Primary, ReplicationLogin } from './seed-replica.ts';

const TIMEOUT_MS = 20_000;
const Position = z.object({ gtid: z.string() });

/**
 * The GTID up to which the primary has written its binary log, asked by the replication user, who needs no privilege for
 * it. Undefined where this machine cannot ask: the primary may let that user in from the replica alone, and the authority
 * of its certificate may be readable there only.
 */
export async function readPrimaryGtid(
  { address, port, ca }: Primary,
  { user, password }: ReplicationLogin,
): Promise<string | undefined> {
  const options = withClientOptions('', { user: bytesOf(user), password: bytesOf(password) });
  const login = await openNamelessFile(Buffer.from(options, 'latin1'));
  try {
    // As the replica itself connects: without an authority nothing is vouched for, and newer clients would insist on it.
    const tls = ca === null ? ['--skip-ssl-verify-server-cert'] : [`--ssl-ca=${ca}`, '--ssl-verify-server-cert'];
    const place = ['--protocol=tcp', `--host=${address}`, `--port=${port}`, '--connect-timeout=10'];
    const form = ['--batch', '--skip-column-names', '--raw', '--skip-reconnect'];
    const { exitCode, stdout } = await run(
      requireProgram('mariadb'),
      ['--defaults-file=/dev/fd/3', ...place, ...tls, ...form],
      {
        input: "SELECT JSON_OBJECT('gtid', @@GLOBAL.gtid_binlog_pos)",
        timeoutMs: TIMEOUT_MS,
        thirdFile: login.fd,
      },
    );
    return exitCode === 0 ? parseRows(stdout, Position)[0]?.gtid : undefined;
  } finally {
    await login.close();
  }
}
