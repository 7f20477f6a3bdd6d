import { requireProgram } from '../../../lib/system/programs.ts';
import { type Role, until } from './role.ts';

/** Debian's cron daemon, and a syslog daemon that writes what it says to /var/log/syslog: what it runs, and what it ignores. */
export const cron: Role = {
  async start(inside) {
    await inside.must(['sh', '-c', 'rm -f /run/crond.pid /dev/log']);
    await inside.must([requireProgram('busybox'), 'syslogd', '-O', '/var/log/syslog']);
    await until('syslogd listens', async () => (await inside.try(['test', '-S', '/dev/log'])).exitCode === 0);
    // The daemon looks for changes by the seconds of these times: a file that is written in the very second in which it
    // starts would be missed for ever, which on a machine that has stood for a while cannot happen.
    await inside.must(['touch', '-d', '1 hour ago', '/etc/cron.d', '/etc/crontab', '/var/spool/cron/crontabs']);
    await inside.must(['cron']);
  },
};
