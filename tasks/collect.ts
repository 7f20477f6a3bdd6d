import { readdirSync, readFileSync } from 'node:fs';
import type { Task } from './task.ts';

let collected: Task[] | undefined;

/** Whether `task` is only to be told of, and not to be run: while another task collects all of them. */
export function collects(task: Task): boolean {
  collected?.push(task);
  return collected !== undefined;
}

/** Every task of this checkout but that of `self`, the URL of a module, in the order of their verbs, without running any. */
export async function otherTasks(self: string): Promise<readonly Task[]> {
  const here = new URL('./', import.meta.url);
  const files = readdirSync(here).map((name) => new URL(name, here));
  const tasks = files.filter((url) => url.href !== self && /^await runTask\(/m.test(readFileSync(url, 'utf8')));
  collected = [];
  for (const { href } of tasks) await import(href);
  return collected.sort((left, right) => (left.verb < right.verb ? -1 : 1));
}
