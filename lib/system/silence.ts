import type { ChildProcess } from 'node:child_process';

/**
 * Calls `act` once, when `child` has written nothing to either of its outputs for `limitMs`. What is returned ends the
 * watch; whoever started the program calls it when the program has ended.
 */
export function watchSilence(child: ChildProcess | undefined, limitMs: number, act: () => void): () => void {
  const timer = setTimeout(act, limitMs);
  const heard = () => void timer.refresh();
  child?.stdout?.on('data', heard);
  child?.stderr?.on('data', heard);
  return () => {
    child?.stdout?.off('data', heard);
    child?.stderr?.off('data', heard);
    clearTimeout(timer);
  };
}
