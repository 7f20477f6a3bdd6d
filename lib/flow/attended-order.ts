import type { Readable } from 'node:stream';
import { CoffreError } from '../model/error.ts';

export interface AttendedOrder {
  /** The first line. */
  readonly text: string;
  /** Fires when the input ends: control has been interrupted, or the connection is gone. */
  readonly gone: AbortSignal;
}

/** What control sends, and whether it is still there: it holds the input open for as long as it waits for the answer. */
export function readAttendedOrder(input: Readable): Promise<AttendedOrder> {
  const control = new AbortController();
  let text = '';
  return new Promise((resolve) => {
    const tell = () => resolve({ text, gone: control.signal });
    const leave = () => {
      control.abort(new CoffreError('interrupted', 'control has gone', { hint: 'the next run does the rest' }));
      tell();
    };
    input.setEncoding('utf8').on('data', (chunk: string) => {
      if (text.includes('\n')) return;
      text += chunk;
      if (text.includes('\n')) tell();
    });
    input.once('end', leave).once('error', leave);
  });
}
