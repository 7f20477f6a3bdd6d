import { CoffreError } from '../lib/model/error.ts';

import { textOf } from './run-task.ts';

import type { TaskContext } from './task.ts';

type Values = TaskContext['values'];

/** The number that `--pull-request` names, or else that of the event. */
export function pullRequestOption(values: Values, ofEvent: number | undefined): number {
  const text = textOf(values, 'pull-request');
  if (text === undefined && ofEvent !== undefined) return ofEvent;
  if (text !== undefined && /^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new CoffreError('usage', 'cannot tell which pull request is meant', {
    hint: 'name its number: --pull-request 7',
  });
}

/** The commit that `--commit` names, or else that of the event. */
export function commitOption(values: Values, ofEvent: string | undefined): string {
  const commit = textOf(values, 'commit') ?? ofEvent;
  if (commit !== undefined && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit)) return commit;
  throw new CoffreError('usage', 'cannot tell which commit was planned', {
    hint: 'name it in full: --commit $(git rev-parse HEAD)',
  });
}

/** The head that `--known` names in full; null when it is absent or empty, as it is on the very first run. */
export function knownHeadOption(values: Values): string | null {
  const head = textOf(values, 'known') ?? '';
  if (head === '' || /^[0-9a-f]{40,64}$/.test(head)) return head === '' ? null : head;
  throw new CoffreError('usage', 'cannot tell which head was known: that is no commit', {
    hint: 'name it in full, as report-issues --recall has printed it, or leave it empty',
  });
}

export function requiredText(values: Values, option: string): string {
  const text = textOf(values, option);
  if (text !== undefined && text !== '') return text;
  throw new CoffreError('usage', `cannot go on without --${option}`, { hint: `--${option} takes a value: see --help` });
}
