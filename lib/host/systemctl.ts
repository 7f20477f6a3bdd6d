import { CoffreError } from '../model/error.ts';
import { type Ended, run } from '../system/command.ts';
import { exists } from '../system/files.ts';
import { publicText } from '../system/known-secrets.ts';
import { requireProgram } from '../system/programs.ts';

/** Runs `systemctl` with these arguments. Handed in, because only a host whose first process is systemd has one. */
export type Systemctl = (args: readonly string[]) => Promise<Ended>;

/** Systemd's own sign that it runs this host: sd_booted(3). */
export const SYSTEMD_SIGN = '/run/systemd/system';

/** The service manager of this host, or undefined where it is not systemd. */
export async function hostSystemctl(): Promise<Systemctl | undefined> {
  if (!(await exists(SYSTEMD_SIGN))) return undefined;
  const program = requireProgram('systemctl');
  return (args) => run(program, ['--no-ask-password', '--no-pager', ...args], { timeoutMs: 90_000 });
}

/** Carries out a verb of systemctl, or throws `unexpected` with the first line of what it says. */
export async function systemctlOrThrow(systemctl: Systemctl, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await systemctl(args);
  if (exitCode === 0) return stdout;
  const why = publicText(stderr).trim().split('\n')[0]?.slice(0, 300) || `exit code ${exitCode}`;
  throw new CoffreError('unexpected', `cannot run systemctl ${args.join(' ')}: ${why}`, {
    hint: 'look at: systemctl status coffre.timer coffre.service; journalctl -u coffre.timer',
  });
}
