import type { CheckOrder, Condition } from '../model/host-check.ts';
import type { Notifier } from '../model/notify-config.ts';
import { reachHttp, reachMail } from '../notify/reach.ts';
import { NEEDED } from '../report/provision-exit.ts';
import type { Clock } from '../system/clock.ts';
import { runGit } from '../system/git.ts';
import { readSecrets } from '../system/secrets.ts';
import { auditRemarks } from './audit-remarks.ts';
import { sourceOf } from './audit-source.ts';
import { lookAtFarEnds } from './look-at-far-ends.ts';
import { urlOf } from './tell.ts';
import type { Probe, Seen } from './try-conditions.ts';

interface Looking {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What one offsite looks like from the host, by the conditions that provisioning looks at, too. */
export async function offsiteConditions(
  { slice, otherFolders }: CheckOrder,
  name: string,
  looking: Looking,
): Promise<readonly Condition[]> {
  const offsite = slice.host.offsite.filter((each) => each.name === name);
  const order = { slice: { ...slice, host: { ...slice.host, offsite } }, otherFolders };
  const [report] = await lookAtFarEnds(order, looking);
  return (report?.conditions ?? []).map((condition) => {
    const code = NEEDED[condition.check];
    return {
      ...condition,
      check: `offsite ${name} ${condition.check}`,
      of: `offsite ${name}`,
      severity: code === undefined ? 'warning' : 'critical',
      code: condition.outcome === 'failed' ? (code ?? null) : null,
      figures: [],
    };
  });
}

/** Whether the audit repository, and those who are told of the nightly task, can be reached from the host. */
export function reachProbes({ slice }: CheckOrder, limitMs: number): readonly Probe[] {
  const { host } = slice;
  const { audit, secrets } = host;
  const repository: Probe = {
    check: 'audit',
    says: 'the audit repository answers',
    late: 'audit-unreachable',
    async look(): Promise<Seen> {
      if (audit.kind === 'github') {
        const remarks = await auditRemarks({ audit, secretsFile: secrets.path, tries: false });
        const [remark] = remarks.filter(({ code }) => code !== undefined);
        return { detail: audit.repository, fault: remark };
      }
      const { location, branch, ...access } = await sourceOf(host);
      const said = await runGit(['ls-remote', '--heads', '--', location, branch ?? 'main'], {
        ...access,
        timeoutMs: limitMs,
      });
      return { detail: said === '' ? `${location}, empty` : location };
    },
  };
  const notifiers = host.notify.map(
    (notifier, index): Probe => ({
      check: `notify ${index + 1}`,
      of: `notify ${notifier.kind}`,
      says: notifier.kind === 'mail' ? 'a mail would be taken' : 'its server answers',
      severity: 'warning',
      look: () => reach(notifier, secrets.path),
    }),
  );
  return [repository, ...notifiers];
}

/** Nobody is told anything. */
async function reach(notifier: Notifier, secretsFile: string): Promise<Seen> {
  const known = await readSecrets(secretsFile);
  if (notifier.kind !== 'mail') {
    await reachHttp(urlOf(notifier.url, known));
    if (notifier.kind === 'ntfy' && notifier.token !== undefined) known.secret(notifier.token);
    return { detail: `the address is in ${notifier.url}` };
  }
  const { smtp, sendmail } = notifier;
  await reachMail(notifier, smtp?.password === undefined ? undefined : known.secret(smtp.password));
  return { detail: smtp ? `${smtp.address}:${smtp.port}` : sendmail };
}
