import { CoffreError } from '../model/error.ts';
import type { Architecture } from './release/description.ts';

/** What a host says of itself. */
export interface Machine {
  /** As `uname -m` says it. */
  readonly machine: string;
  /** As `node --version` says it, of the Node that the launcher of the agent would find; null when there is none. */
  readonly nodeVersion: string | null;
  /** `musl` where the C library is not the one that the runtime was built for. */
  readonly libc: 'glibc' | 'musl';
}

/** Which variant of the release a host needs. */
export interface RuntimePlan {
  readonly arch: Architecture;
  readonly runtime: boolean;
}

const ARCHITECTURE_OF: Readonly<Record<string, Architecture>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

/** Whether the agent runs on this Node: ^20.19 || ^22.18 || >=24. Anything that is no released version does not suit. */
export function suitableNode(versionText: string): boolean {
  const [, major = '', minor = ''] = /^v?(\d{1,4})\.(\d{1,4})\.\d{1,4}\s*$/.exec(versionText) ?? [];
  const [is, at] = [Number(major), Number(minor)];
  return (is === 20 && at >= 19) || (is === 22 && at >= 18) || is >= 24;
}

/**
 * The host's own Node if it suits, on whatever machine; else the runtime comes along. Throws `program-missing` where there
 * is no runtime for the machine, and Node has to be installed by hand.
 */
export function planRuntime({ machine, nodeVersion, libc }: Machine): RuntimePlan {
  const arch = Object.hasOwn(ARCHITECTURE_OF, machine) ? ARCHITECTURE_OF[machine] : undefined;
  if (nodeVersion !== null && suitableNode(nodeVersion)) return { arch: arch ?? 'x64', runtime: false };
  if (arch !== undefined && libc === 'glibc') return { arch, runtime: true };
  const why =
    arch === undefined ? `machines of the kind ${JSON.stringify(machine)}` : 'machines with the C library musl';
  const has = nodeVersion === null ? 'it has none' : `it has ${JSON.stringify(nodeVersion.trim())}`;
  throw new CoffreError(
    'program-missing',
    `cannot bring Node to the host: there is no runtime for ${why}, and ${has}`,
    {
      hint: 'install Node 20.19, 22.18, or 24 and later on the host, where its PATH or /usr/local/bin finds it',
    },
  );
}
