import type { Bytes } from '../model/stages.ts';
import { queryLines } from './client.ts';
import type { Connection } from './connection.ts';

/**
 * The grants to PUBLIC as SQL, which the dump program leaves out of the accounts; none before MariaDB 10.11, which has
 * no PUBLIC. What the server tells beside them is about the roles that PUBLIC has, and in the dump.
 */
export async function readPublicGrants(connection: Connection, serverVersion: string): Promise<readonly string[]> {
  const [major = 0, minor = 0] = serverVersion.split('.').map((part) => Number.parseInt(part, 10));
  if (major < 10 || (major === 10 && minor < 11)) return [];
  const lines = (await queryLines(connection, 'SHOW GRANTS FOR PUBLIC')).map(unescaped);
  return lines.filter((line) => /^GRANT .* TO PUBLIC(?: WITH (?:GRANT|ADMIN) OPTION)?$/s.test(line));
}

/**
 * The dump of the accounts with the grants to PUBLIC after its trailer, which stays the proof that the dump is whole: a
 * role has to be there before PUBLIC can have it. The lines above them open a section, as those of the dump do.
 */
export async function* withPublicGrants(dump: Bytes, grants: readonly string[]): Bytes {
  yield* dump;
  if (grants.length === 0) return;
  const statements = grants.map((grant) => `${grant};\n`).join('');
  yield Buffer.from(`\n--\n-- Grants to PUBLIC\n--\n\n/*!40101 SET NAMES utf8mb4 */;\n${statements}`);
}

/** The mirror of what the client does to a value in `--batch`. */
function unescaped(line: string): string {
  return line.replace(/\\([nt0\\])/g, (_, letter: string) => ({ n: '\n', t: '\t', '0': '\0' })[letter] ?? '\\');
}
