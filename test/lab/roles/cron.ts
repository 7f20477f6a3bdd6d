import type { Role } from './role.ts';

/** Debian's cron daemon, with its log in /var/log/cron.log. */
export const cron: Role = {
  async start(inside) {
    await inside.must(['sh', '-c', 'rm -f /run/crond.pid && exec cron']);
  },
};
