import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sleep } from '../../../lib/system/clock.ts';
import type { FaultKind, Strike } from '../fault.ts';

const FIVE_SECONDS_MS = 5000;
const everywhere = () => true;
const TO_OFFSITE = ['start', 'preflight', 'dump', 'ship', 'end'];
const TO_AUDIT = ['start', 'preflight', 'dump', 'ship', 'publish', 'end'];

/** Mends it after five seconds, and in any case when the night is over. */
function forFiveSeconds({ heal }: Strike, mend: () => void): void {
  const timer = setTimeout(mend, FIVE_SECONDS_MS);
  heal(() => {
    clearTimeout(timer);
    mend();
  });
}

function linkFault(
  name: string,
  befall: (strike: Strike) => void,
  options: Partial<Pick<FaultKind, 'weight' | 'phases' | 'isPossible'>> = {},
): FaultKind {
  return {
    ...{ name, phases: TO_OFFSITE, isPossible: everywhere, ...options },
    async strike(strike) {
      const alive = strike.night.isAlive();
      befall(strike);
      return alive;
    },
  };
}

/** A hook of the audit repository that has the last word on what is pushed. */
async function hook({ world, heal }: Strike, script: string): Promise<void> {
  const path = world.at('audit.git/hooks/pre-receive');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  heal(() => rm(path, { force: true }));
}

/** The links to the contractor and to the audit repository, and the audit repository itself. */
export const LINK_FAULTS: readonly FaultKind[] = [
  linkFault('link-down-5s', (strike) => {
    const { offsite } = strike.world.links;
    offsite.cut();
    forFiveSeconds(strike, () => offsite.mend());
  }),
  linkFault('link-down', ({ world, heal }) => {
    world.links.offsite.cut();
    heal(() => world.links.offsite.mend());
  }),
  linkFault('link-silent-5s', (strike) => {
    const { offsite } = strike.world.links;
    offsite.silence();
    forFiveSeconds(strike, () => offsite.mend());
  }),
  // A minute goes by each time before the silence is believed.
  linkFault(
    'link-silent',
    ({ world, heal }) => {
      world.links.offsite.silence();
      heal(() => world.links.offsite.mend());
    },
    { weight: 0.34 },
  ),
  linkFault('link-slow', ({ world, heal, random }) => {
    world.links.offsite.slow(150, random);
    heal(() => world.links.offsite.mend());
  }),
  linkFault('link-slow-and-reset', ({ world, heal, random }) => {
    const { offsite } = world.links;
    offsite.slow(150, random);
    const timer = setInterval(() => offsite.reset(), 2000);
    heal(() => {
      clearInterval(timer);
      offsite.mend();
    });
  }),
  linkFault(
    'audit-down',
    ({ world, heal }) => {
      world.links.audit.cut();
      heal(() => world.links.audit.mend());
    },
    { phases: TO_AUDIT, isPossible: ({ login }) => login },
  ),
  linkFault(
    'audit-silent-5s',
    (strike) => {
      const { audit } = strike.world.links;
      audit.silence();
      forFiveSeconds(strike, () => audit.mend());
    },
    { phases: TO_AUDIT, isPossible: ({ login }) => login },
  ),
  {
    ...{ name: 'audit-refuses', phases: TO_AUDIT, isPossible: everywhere },
    async strike(strike) {
      const alive = strike.night.isAlive();
      await hook(strike, 'echo "not today" >&2; exit 1');
      return alive;
    },
  },
  {
    ...{ name: 'audit-hangs-then-refuses', phases: TO_AUDIT, isPossible: everywhere },
    async strike(strike) {
      const alive = strike.night.isAlive();
      await hook(strike, 'sleep 3; exit 1');
      return alive;
    },
  },
  {
    // What was pushed is there, and nobody hears of it.
    ...{ name: 'audit-dies-over-answer', phases: ['publish', 'end'], isPossible: ({ login }) => login },
    async strike(strike) {
      const alive = strike.night.isAlive();
      const path = strike.world.at('audit.git/hooks/post-receive');
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, '#!/bin/sh\nkill -9 $PPID\n');
      await chmod(path, 0o755);
      strike.heal(() => rm(path, { force: true }));
      await sleep(0);
      return alive;
    },
  },
];
