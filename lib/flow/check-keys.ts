import { basename } from 'node:path';
import { packageResource } from '../host/package.ts';
import type { CheckOrder } from '../model/host-check.ts';
import { keyEnd, keyEndRemark, WARN_DAYS } from '../model/key-end.ts';
import type { Change, Resource } from '../model/plan.ts';
import type { Slice } from '../model/slice.ts';
import type { Clock } from '../system/clock.ts';
import { filesOf, keysOf } from './host-resources.ts';
import type { Fault, Probe, Seen } from './try-conditions.ts';

/**
 * Whether the programs, the host's own keys and its recipients' public keys are as provisioning has left them; by control, which
 * has the inventory, also its slice.
 */
export async function fileProbes({ slice, controlTimeMs }: CheckOrder, clock: Clock): Promise<readonly Probe[]> {
  const { host } = slice;
  const provision = `mend it: npx zx tasks/provision.ts ${host.name}`;
  const holds = (resource: Resource, judge: (change: Change) => Fault) => async (): Promise<Seen> => {
    const change = await resource.inspect();
    if (change) return { fault: judge(change) };
    return { detail: resource.kind === 'package' ? 'all of them' : resource.name };
  };
  const programs: Probe = {
    check: 'programs',
    says: 'every program that it needs is there',
    look: holds(packageResource(host), ({ lines }) => {
      return { text: lines.join('; ').replace(/^\+/, 'missing: '), hint: provision, code: 'program-missing' };
    }),
  };
  const keys = keysOf(slice).map(
    (key): Probe => ({
      check: `key ${key.name}`,
      of: `key ${basename(key.name)}`,
      says: 'it is there, can be used, and nobody else can read it',
      look: holds(key, ({ action, lines }) => ({
        text: action === 'create' ? `there is none at ${key.name}` : `${key.name}: ${asWords(lines)}`,
        hint: provision,
        code: 'refused',
      })),
    }),
  );
  const isKeyFile = ({ name }: Resource) => name.endsWith('.pem');
  const known = (await filesOf({ slice })).filter((file) => controlTimeMs !== null || isKeyFile(file));
  const files = known.map((file): Probe => {
    const isKey = isKeyFile(file);
    return {
      check: `file ${file.name}`,
      of: isKey ? `recipient ${basename(file.name, '.pem')}` : basename(file.name),
      says: isKey ? 'its public key is that of the inventory' : 'it is as the inventory has it',
      look: holds(file, ({ action, lines }) => {
        const isLost = isKey || action === 'create';
        const text = action === 'create' ? `there is no ${file.name}` : `${file.name} differs: ${asWords(lines)}`;
        const weight = isLost ? { code: 'inventory' as const } : { severity: 'warning' as const };
        return { text, hint: provision, ...weight };
      }),
    };
  });
  return [programs, ...keys, ...files, ...endProbes(slice, clock)];
}

/** Of recipients whose key is a certificate: whether somebody has to think of its end. */
function endProbes({ recipients }: Slice, clock: Clock): readonly Probe[] {
  return recipients.flatMap(({ name, publicKey }): Probe[] => {
    const end = keyEnd(publicKey);
    if (end === null) return [];
    return [
      {
        check: `end of ${name}`,
        of: `recipient ${name}`,
        says: `its certificate does not end within ${WARN_DAYS} days`,
        severity: 'warning',
        look: async () => {
          const fault = keyEndRemark(name, publicKey, clock.now());
          return fault ? { fault } : { detail: `it ends on ${end.toISOString().slice(0, 10)}` };
        },
      },
    ];
  });
}

const MOST_LINES = 4;

/** Lines of a diff as a part of a sentence: the first that differ. */
function asWords(lines: readonly string[]): string {
  const differing = lines.filter((line) => /^[+-]/.test(line));
  const more = differing.length > MOST_LINES ? `, and ${differing.length - MOST_LINES} more lines` : '';
  const sign = (line: string) => `${line.startsWith('-') ? 'it has' : 'it should have'} ${line.slice(1).trim()}`;
  return `${differing.slice(0, MOST_LINES).map(sign).join(', ')}${more}`;
}
