import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/**
 * What of a lab is left on this machine: its link, the lines of this namespace's mounts that name its folder, and every
 * process that was started with its folder's name or lives in a namespace where something of its folder is mounted.
 */
export function tracesOf(folder: string, link: string): readonly string[] {
  const found = networkInterfaces()[link] ? [`link ${link}`] : [];
  const here = readOrEmpty('/proc/self/mountinfo').split('\n');
  found.push(...here.filter((line) => line.includes(folder)).map((line) => `mount ${line}`));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const words = readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
    const mounts = readOrEmpty(`/proc/${pid}/mountinfo`);
    if (mounts.includes(folder) || words.includes(folder)) found.push(`process ${pid} ${words}`);
  }
  return found;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it ended while we looked
  }
}
