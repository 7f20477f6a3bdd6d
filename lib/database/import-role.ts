import type { Bytes } from '../model/stages.ts';

/*
 * The dump program gives whoever loads its accounts a role for the time being: GRANT … TO CURRENT_USER(). A replica carries
 * that out for the user of its SQL thread, who has no name, and so makes an account without name, host and password: the next
 * dump of the accounts there fails (1133), and once the privileges are read again everybody may log in. Measured on 10.11.18.
 */
const GRANT = /^GRANT mariadb_dump_import_role TO CURRENT_USER\(\);$/gm;
const LOG = "EXECUTE IMMEDIATE IF(@@log_bin, 'SET @coffre_log = @@sql_log_bin, SESSION sql_log_bin = 0', 'DO 0');";
const LOG_AGAIN = "EXECUTE IMMEDIATE IF(@@log_bin, 'SET SESSION sql_log_bin = @coffre_log', 'DO 0');";
const QUIET = `${LOG}\nGRANT mariadb_dump_import_role TO CURRENT_USER();\n${LOG_AGAIN}`;

/**
 * The dump of the accounts, so that its helper's grant stays with the server that it is loaded into, whatever follows that. A
 * dump that has it so already stays as it is.
 */
export async function* keepGrantHere(dump: Bytes): Bytes {
  let rest = '';
  let isQuiet = false;
  for await (const chunk of dump) {
    rest += chunk.toString('latin1');
    const end = rest.lastIndexOf('\n') + 1;
    if (end === 0) continue;
    const lines = rest.slice(0, end);
    isQuiet ||= lines.includes(LOG);
    yield Buffer.from(isQuiet ? lines : lines.replace(GRANT, QUIET), 'latin1');
    rest = rest.slice(end);
  }
  if (rest !== '') yield Buffer.from(rest, 'latin1');
}
