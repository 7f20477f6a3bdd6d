import { asCoffreError, CoffreError } from '../lib/model/error.ts';
import { quotePosix } from '../lib/system/command.ts';

import { listOf, textOf } from './run-task.ts';

import type { TaskContext, TaskResult } from './task.ts';

/** What a text tells somebody to run, as it comes from here, or from a host that has done it for control. */
const PUT_BACK = /(?:npx zx tasks\/restore\.ts|coffre restore) (?=--put-back )/g;

/** What says which server is meant, and how it is reached. */
const REACHING = ['inventory', 'on', 'identity', 'socket', 'defaults-file'] as const;
/** Of a run without an inventory. */
const DEFAULT_SOCKET = '/run/mysqld/mysqld.sock';

/** Completes the command that puts an old database back by what this restore was given to find the server. Pure. */
export function putBackInFull(values: TaskContext['values'], words: readonly string[]): (text: string) => string {
  const options = REACHING.flatMap((option) => {
    const value = textOf(values, option);
    return value === undefined ? [] : [`--${option} ${quotePosix(value)}`];
  });
  const isOffline = values.signers !== undefined || values.signer !== undefined;
  const named = isOffline ? [] : words.map(quotePosix);
  const socket = isOffline && values.socket === undefined ? [`--socket ${DEFAULT_SOCKET}`] : [];
  const reaching = [...named, ...options, ...socket].map((word) => `${word} `).join('');
  return (text) => text.replace(PUT_BACK, () => `npx zx tasks/restore.ts ${reaching}`);
}

/** A task whose hints say in full how to put an old database back. On a host that does it for control they are left to control. */
export function withPutBackInFull<Attended>(
  act: (context: TaskContext, attended?: Attended) => Promise<TaskResult>,
): (context: TaskContext, attended?: Attended) => Promise<TaskResult> {
  return async (context, attended) => {
    if (attended !== undefined) return await act(context, attended);
    const full = putBackInFull(context.values, context.words);
    const emit: TaskContext['emit'] = (event) =>
      context.emit(event.kind === 'warning' ? { ...event, hint: full(event.hint) } : event);
    try {
      const result = await act({ ...context, emit });
      return { ...result, text: full(result.text), data: everyText(result.data, full) };
    } catch (thrown) {
      const error = asCoffreError(thrown);
      if (error.hint === undefined || full(error.hint) === error.hint) throw thrown;
      const { code, message, findings } = error;
      throw new CoffreError(code, message, { hint: full(error.hint), findings, cause: thrown });
    }
  };
}

/** What a result gives with `--json`, with another text for each that is in it. */
function everyText(data: unknown, change: (text: string) => string): unknown {
  if (typeof data === 'string') return change(data);
  if (Array.isArray(data)) return data.map((each) => everyText(each, change));
  if (data === null || typeof data !== 'object' || Object.getPrototypeOf(data) !== Object.prototype) return data;
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, everyText(value, change)]));
}

/** Whether it is asked for, and nothing is to be restored. */
export function putsBack(values: TaskContext['values']): boolean {
  return listOf(values, 'put-back').length > 0;
}
