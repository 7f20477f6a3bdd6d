import { planRuntime } from '../host/plan-runtime.ts';
import type { HostFacts } from '../host/probe.ts';
import { type BuiltRelease, buildRelease } from '../host/release/build-release.ts';

/** Releases of the agent, each built once, however many hosts ask for it. */
export interface ReleaseShelf {
  /** The variant that this host needs. Throws `program-missing` for a machine that no runtime fits. */
  releaseFor(facts: HostFacts): Promise<BuiltRelease>;
}

/** What a host does by itself, and what control has it do. */
const VERBS = [
  'backup',
  'check',
  'converge',
  'drill',
  'keys',
  'list',
  'prune',
  'restore',
  'validate',
  'verify',
] as const;

export function releaseShelf(): ReleaseShelf {
  const built = new Map<string, Promise<BuiltRelease>>();
  return {
    releaseFor({ machine, nodeVersion, libc }) {
      const plan = planRuntime({ machine, nodeVersion: nodeVersion === '' ? null : nodeVersion, libc });
      const variant = plan.runtime ? plan.arch : 'without runtime';
      const release = built.get(variant) ?? buildRelease({ verbs: VERBS, ...plan });
      built.set(variant, release);
      return release;
    },
  };
}
