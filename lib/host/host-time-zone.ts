import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../model/error.ts';
import { explained } from '../system/explained.ts';
import { readIfPresent } from '../system/files.ts';

const UTC = 'Etc/UTC';
const DATABASE = 'usr/share/zoneinfo';

/**
 * IANA name of the zone that cron and systemd go by: that of the host, whatever TZ says in this process. The link
 * /etc/localtime decides; where it is a copy of the rules, /etc/timezone has the name if the rules are the same; without
 * either it is UTC. Undefined when there are rules and no name for them. Source: localtime(5), tzset(3).
 */
export async function hostTimeZone(root = '/'): Promise<string | undefined> {
  const localtime = join(root, 'etc/localtime');
  const target = await readlink(localtime).catch((error: unknown) => {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'EINVAL') return errno;
    throw explained('read', localtime, error);
  });
  if (target === 'ENOENT') return UTC;
  if (target !== 'EINVAL') return zoneName(/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(target)?.[1]);
  const name = zoneName((await readIfPresent(join(root, 'etc/timezone')))?.toString('utf8').trim());
  if (name === undefined) return undefined;
  const [rules, named] = await Promise.all([
    readFile(localtime),
    readIfPresent(join(root, DATABASE, name)), // absent without the package tzdata
  ]);
  return !named || rules.equals(named) ? name : undefined;
}

function zoneName(name: string | undefined): string | undefined {
  if (name === undefined || !/^[A-Za-z]/.test(name)) return undefined;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name;
  } catch {
    return undefined; // such as Factory, or a file that somebody made
  }
}
