import { AUTO_ORDER, COMPRESSORS, type CompressorName } from '../model/compression.ts';
import type { Remark } from '../model/plan.ts';
import { packageOf } from '../system/programs.ts';

/** Which compressor a run takes, for what reason, and what would have been faster. */
export interface CompressorChoice {
  readonly name: CompressorName;
  /** Half a sentence, to stand behind the name and its version. */
  readonly why: string;
}

const [FASTEST] = AUTO_ORDER;
const INSTALL = `apt-get install --no-install-recommends ${packageOf(FASTEST)}`;

/** Whether a program is on this host. */
type IsThere = (program: Exclude<CompressorName, 'zlib'>) => boolean;

/** The compressor for what the inventory says. Pure. For `auto` the first of `AUTO_ORDER` that is there, at the latest zlib. */
export function explainCompressor(setting: 'auto' | CompressorName, isThere: IsThere): CompressorChoice {
  if (setting !== 'auto') return { name: setting, why: 'as compression.program asks' };
  const there = (name: CompressorName) => name === 'zlib' || isThere(name);
  const name = AUTO_ORDER.find(there) ?? 'zlib';
  if (name === FASTEST) {
    const next = AUTO_ORDER.find((each) => each !== FASTEST && there(each)) ?? 'zlib';
    return { name, why: `the fastest that writes gzip; ${next} would take about ${timesAsFast(next)} times as long` };
  }
  const missed = AUTO_ORDER.slice(0, AUTO_ORDER.indexOf(name));
  const are = missed.length === 1 ? 'is' : 'are';
  return {
    name,
    why: `the fastest that is here; ${missed.join(' and ')} ${are} not installed: ${INSTALL} makes this about ${timesAsFast(name)} times as fast`,
  };
}

/** What provisioning tells the operator of a host on which `auto` does not find the fastest. */
export function compressorRemark(setting: 'auto' | CompressorName, isThere: IsThere): Remark | undefined {
  const { name } = explainCompressor(setting, isThere);
  if (setting !== 'auto' || name === FASTEST) return undefined;
  return {
    text: `${FASTEST} is not installed: backups are compressed by ${name}, which takes about ${timesAsFast(name)} times as long`,
    hint: `on the host: ${INSTALL}; or say in the inventory that this is wanted: compression: { program: ${name} }`,
    advice: true,
  };
}

/** How many times as fast a core the fastest is. */
function timesAsFast(name: CompressorName): number {
  return Math.round(COMPRESSORS[FASTEST].megabytesPerSecond / COMPRESSORS[name].megabytesPerSecond);
}
