import { CoffreError } from '../../lib/model/error.ts';
import { run } from '../../lib/system/command.ts';
import { requireProgram } from '../../lib/system/programs.ts';

/** How a host's line is worse than a wire. Both directions are limited alike. */
export interface Slowness {
  readonly rateMbit?: number;
  /** One way. Only where the kernel has netem; throws `refused` where it has not. */
  readonly delayMs?: number;
}

const LABS = 200;
const BRIDGE = 'coffre0';

/**
 * Ties the lab's bridge to the machine by one pair of links, under the first number that no other lab has: the kernel
 * refuses a second link of the same name. The pair vanishes with the lab's network namespace.
 */
export async function joinMachine(holderPid: number): Promise<{ readonly link: string; readonly prefix: string }> {
  for (let lab = 0; lab < LABS; lab++) {
    const link = `coffre${lab}`;
    const prefix = `10.213.${lab}`;
    const ends = ['type', 'veth', 'peer', 'name', 'control', 'netns', `${holderPid}`];
    const made = await run(requireProgram('ip'), ['link', 'add', link, ...ends]);
    if (/File exists/.test(made.stderr)) continue;
    if (made.exitCode !== 0) throw failed('make', link, made.stderr);
    await ip(undefined, [`addr add ${prefix}.1/24 dev ${link}`, `link set ${link} up`]);
    await ip(holderPid, [`link set control master ${BRIDGE}`, 'link set control up']);
    return { link, prefix };
  }
  throw new CoffreError('unexpected', `cannot make another lab: there are ${LABS}`);
}

/** Takes the machine's end away, and with it the other one. The namespace would do so too, but later. */
export async function leaveMachine(link: string): Promise<void> {
  await run(requireProgram('ip'), ['link', 'del', link]);
}

/** The name that the bridge's end of a host's line bears. */
const portOf = (number: number) => `host${number}`;

/** Gives a host that just booted its line to the bridge: eth0, always with the same addresses. */
export async function plug(holderPid: number, initPid: number, number: number, address: string): Promise<void> {
  const port = portOf(number);
  const mac = `02:c0:ff:e0:00:${number.toString(16).padStart(2, '0')}`;
  await ip(holderPid, [
    `link add ${port} type veth peer name eth0 address ${mac} netns ${initPid}`,
    `link set ${port} master ${BRIDGE}`,
    `link set ${port} up`,
  ]);
  await ip(initPid, [`addr add ${address}/24 dev eth0`, 'link set eth0 up']);
}

/** Removes a dead host's line; its namespace may live on for a while in half-closed connections. */
export async function unplug(holderPid: number, number: number): Promise<void> {
  await enter(holderPid, requireProgram('ip'), ['link', 'del', portOf(number)]);
}

/** Pulls the cable of a host, or puts it in again. */
export async function setLine(holderPid: number, number: number, state: 'up' | 'down'): Promise<void> {
  await ip(holderPid, [`link set ${portOf(number)} ${state}`]);
}

/** Limits a host's line in both directions; no slowness takes the limit away. */
export async function shapeLine(
  holderPid: number,
  initPid: number,
  number: number,
  { rateMbit, delayMs }: Slowness,
): Promise<void> {
  for (const [pid, device] of [[holderPid, portOf(number)] as const, [initPid, 'eth0'] as const]) {
    const qdisc = (words: readonly string[]) => enter(pid, requireProgram('tc'), ['qdisc', ...words]);
    await qdisc(['del', 'dev', device, 'root']); // fails when there is none
    const add = async (place: readonly string[], kind: 'netem' | 'tbf', words: readonly string[]) => {
      const { exitCode, stderr } = await qdisc(['add', 'dev', device, ...place, kind, ...words]);
      if (exitCode === 0) return;
      if (!/qdisc kind is unknown/.test(stderr)) throw failed('slow', device, stderr);
      throw new CoffreError('refused', `cannot slow the line: this kernel has no ${kind}`, {
        hint: `load it where there is a module: modprobe sch_${kind}`,
      });
    };
    if (delayMs !== undefined) await add(['root', 'handle', '1:'], 'netem', ['delay', `${delayMs}ms`]);
    const place = delayMs === undefined ? ['root'] : ['parent', '1:', 'handle', '2:'];
    if (rateMbit !== undefined)
      await add(place, 'tbf', ['rate', `${rateMbit}mbit`, 'burst', '64kb', 'latency', '100ms']);
  }
}

async function ip(pid: number | undefined, lines: readonly string[]): Promise<void> {
  const program = requireProgram('ip');
  const input = `${lines.join('\n')}\n`;
  const ended =
    pid === undefined
      ? await run(program, ['-batch', '-'], { input })
      : await enter(pid, program, ['-batch', '-'], input);
  if (ended.exitCode !== 0) throw failed('change', lines.join('; '), ended.stderr);
}

/** In the network namespace of a process and in no other of its namespaces. */
function enter(pid: number, program: string, args: readonly string[], input = '') {
  return run(requireProgram('nsenter'), ['-t', `${pid}`, '-n', '--', program, ...args], { input });
}

function failed(verb: string, what: string, why: string): CoffreError {
  return new CoffreError('unexpected', `cannot ${verb} ${what}: ${why.trim()}`);
}
