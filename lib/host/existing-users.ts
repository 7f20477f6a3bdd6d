import { CoffreError } from '../model/error.ts';
import { run } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';

/** Those of the login names that are users of this host, wherever it keeps them: passwd, LDAP, systemd. */
export async function existingUsers(names: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const name of new Set(names)) {
    // getent takes a number for a user id, which cron does not.
    if (/^\d+$/.test(name)) continue;
    const { exitCode, stderr } = await run(requireProgram('getent'), ['passwd', '--', name]);
    if (exitCode === 0) found.add(name);
    else if (exitCode !== 2) {
      throw new CoffreError('unexpected', `cannot look up the user ${name}: ${stderr.trim()}`, {
        hint: `try: getent passwd ${name}`,
      });
    }
  }
  return found;
}
