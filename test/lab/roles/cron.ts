import { requireProgram } from '../../../lib/system/programs.ts';
import { type Role, until } from './role.ts';

/** Debian's cron daemon, and a syslog daemon that writes what it says to /var/log/syslog: what it runs, and what it ignores. */
export const cron: Role = {
  async start(inside) {
    await inside.must(['sh', '-c', 'rm -f /run/crond.pid /dev/log']);
    await inside.must([requireProgram('busybox'), 'syslogd', '-O', '/var/log/syslog']);
    await until('syslogd listens', async () => (await inside.try(['test', '-S', '/dev/log'])).exitCode === 0);
    await inside.must(['cron']);
  },
};
