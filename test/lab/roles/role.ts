import { CoffreError } from '../../../lib/model/error.ts';
import type { Ended } from '../../../lib/system/command.ts';
import { type EnterOptions, enter } from '../enter.ts';
import type { LabHost, LabPlan } from '../lab-plan.ts';

/** One host seen from the inside, by whoever sets it up. */
export interface Inside {
  readonly plan: LabPlan;
  readonly host: LabHost;
  /** Throws `unexpected` with what the program said, unless it ends with exit code 0. */
  must(words: readonly string[], options?: EnterOptions): Promise<Ended>;
  try(words: readonly string[], options?: EnterOptions): Promise<Ended>;
  write(path: string, content: string, mode?: string): Promise<void>;
}

/** What makes a host more than a machine with sshd. */
export interface Role {
  /** Once, after the first boot and before anything is started. */
  install?(inside: Inside): Promise<void>;
  /** After each boot; returns when the service answers. */
  start?(inside: Inside): Promise<void>;
  /** Once, when the services of all hosts answer: what ties hosts together. */
  settle?(inside: Inside): Promise<void>;
}

export function insideOf(plan: LabPlan, host: LabHost): Inside {
  const inside: Inside = {
    plan,
    host,
    try: (words, options) => enter(plan.folder, host.name, words, options),
    async must(words, options) {
      const ended = await inside.try(words, options);
      if (ended.exitCode === 0) return ended;
      const why = (ended.stderr.trim() || ended.stdout.trim()).slice(-500);
      throw new CoffreError('unexpected', `cannot run ${words[0]} on the lab host ${host.name}: ${why}`);
    },
    async write(path, content, mode = '644') {
      const script = 'umask 077; mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"';
      await inside.must(['sh', '-c', script, 'sh', path, mode], { input: content });
    },
  };
  return inside;
}

/** Tries until `attempt` holds. Throws `unexpected` after `limitMs`. */
export async function until(what: string, attempt: () => Promise<boolean>, limitMs = 30_000): Promise<void> {
  for (const giveUpAt = Date.now() + limitMs; !(await attempt()); ) {
    if (Date.now() > giveUpAt) throw new CoffreError('unexpected', `cannot wait any longer until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
