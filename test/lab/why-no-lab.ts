import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoffreError } from '../../lib/model/error.ts';
import { cleanEnvironment } from '../../lib/system/command.ts';
import { findProgram, LAB_PACKAGE_OF, type LabProgram } from '../../lib/system/programs.ts';

/** What a lab does to the kernel, in namespaces that vanish at once. */
const PROBE = `
cd "$1" && mkdir upper work root &&
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" root || { echo "an overlay in $(dirname "$1")"; exit 1; }
ip link add b0 type bridge && ip link add v0 type veth peer name v1 || { echo bridges and veth pairs; exit 1; }
tc qdisc add dev v0 root tbf rate 1mbit burst 64kb latency 100ms || { echo tbf; exit 1; }
mknod fuse c 10 229 && : <>fuse || { echo devices such as fuse; exit 1; }
`;

let known: { readonly reason: string | undefined } | undefined;

/**
 * Why no lab can run here, as one line for a skipped test; undefined when it can. Where tests are asked to be complete
 * (CI=true, or COFFRE_LAB=required), a machine that lacks nothing but programs throws `program-missing`.
 */
export function whyNoLab(): string | undefined {
  known ??= { reason: lookForReason() };
  return known.reason;
}

function lookForReason(): string | undefined {
  if (process.platform !== 'linux') return 'the lab needs Linux';
  if (process.getuid?.() !== 0) return 'the lab needs root';
  const missing = (Object.keys(LAB_PACKAGE_OF) as LabProgram[]).filter((program) => findProgram(program) === undefined);
  const cannot = whatTheKernelDenies();
  if (cannot !== undefined) return cannot;
  if (missing.length === 0) return undefined;
  const reason = `the lab lacks ${missing.join(', ')}`;
  const hint = 'install them with: node tasks/setup.mjs --lab';
  if (process.env.CI !== 'true' && process.env.COFFRE_LAB !== 'required') return `${reason}; ${hint}`;
  throw new CoffreError('program-missing', `cannot run the lab's tests: ${reason}`, { hint });
}

function whatTheKernelDenies(): string | undefined {
  const namespaces = ['--net', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child=KILL'];
  const env = { ...cleanEnvironment(), PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const folder = mkdtempSync(join(tmpdir(), 'coffre-'));
  const words = [...namespaces, 'sh', '-c', PROBE, 'sh', folder];
  const probe = spawnSync('unshare', words, { env, encoding: 'utf8', timeout: 20_000 });
  rmSync(folder, { recursive: true, force: true });
  if (probe.status === 0) return undefined;
  const what = probe.stdout?.trim() || 'namespaces';
  return `the lab needs ${what}, which this machine does not let it have`;
}
