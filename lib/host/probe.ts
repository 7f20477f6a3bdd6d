import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { Sha256 } from '../model/names.ts';

/** What control has to know of a host before it can send an agent there. */
export interface HostFacts {
  /** As `uname -m` says it. */
  readonly machine: string;
  /** Such as `v20.19.5`; empty when there is no Node. */
  readonly nodeVersion: string;
  /** Whether the login user may change the host: itself, through sudo, or not at all. */
  readonly access: 'own' | 'sudo' | 'none';
  readonly user: string;
  readonly libc: 'glibc' | 'musl';
  /** The identity of the current release, when every file of it is as its list says. */
  readonly release: Sha256 | null;
}

/**
 * Looks at a host, changes nothing, and needs no more than a POSIX shell and coreutils, or busybox. `$1` is the folder of the agent.
 * Root is needed only where the login user cannot write to that folder, or to what is there of the path to it.
 */
export const PROBE_SCRIPT = `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
echo "machine=$(uname -m)"
echo "user=$(id -un)"
libc=musl
for loader in /lib/ld-linux* /lib64/ld-linux*; do [ ! -e "$loader" ] || libc=glibc; done
echo "libc=$libc"
echo "node=$(node --version 2>/dev/null </dev/null)"
there=$1
while [ ! -e "$there" ]; do there=$(dirname "$there"); done
if [ "$(id -u)" = 0 ] || [ -w "$there" ]; then echo access=own
elif sudo -n true >/dev/null 2>&1 </dev/null; then echo access=sudo
else echo access=none
fi
if cd "$1/current" 2>/dev/null && sha256sum -c SHA256SUMS >/dev/null 2>&1 </dev/null; then
  echo "release=$(cat SHA256SUMS release.json | sha256sum | cut -c1-64)"
fi
echo end=probe
`;

/** Unpacks the release in the folder `$1` after checking its digest `$2`. Exit code 65: another digest. */
export const UNPACK_SCRIPT = `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
umask 077
cd "$1" || exit 66
[ "$(sha256sum <release.tar.gz | cut -c1-64)" = "$2" ] || exit 65
mkdir release || exit 66
tar -xzf release.tar.gz -C release --no-same-owner || exit 66
rm release.tar.gz
`;

/** Removes the part of an upload that arrived in the folder `$1`, and prints how many KiB are free there. */
export const FREE_SPACE_SCRIPT = `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
rm -f "$1/release.tar.gz"
set -- $(df -Pk "$1" | tail -n 1)
echo "$4"
`;

const Probe = z.object({
  machine: z.string().min(1),
  user: z.string().min(1),
  libc: z.enum(['glibc', 'musl']),
  node: z.string(),
  access: z.enum(['own', 'sudo', 'none']),
  release: Sha256.nullable().default(null),
  end: z.literal('probe'),
});

/** The answer of PROBE_SCRIPT. Throws `host-unreachable` when it is none: a login shell that talks, or none at all. */
export function parseProbe(stdout: string): HostFacts {
  const pairs = stdout.split('\n').map((line) => /^([a-z]+)=(.*)$/.exec(line));
  const { data } = Probe.safeParse(Object.fromEntries(pairs.flatMap((pair) => (pair ? [[pair[1], pair[2]]] : []))));
  if (!data) {
    throw new CoffreError(
      'host-unreachable',
      'cannot look at the host: its shell does not answer as a POSIX shell does',
      {
        hint: 'the user of ssh.user needs an ordinary login shell, such as /bin/sh: getent passwd <user>',
      },
    );
  }
  const { node: nodeVersion, machine, user, libc, access, release } = data;
  return { machine, user, libc, nodeVersion, access, release };
}
