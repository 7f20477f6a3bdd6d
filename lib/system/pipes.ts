import type { Duplex, Writable } from 'node:stream';
import type { Bytes } from '../model/stages.ts';
import { type Ended, start, terminate } from './command.ts';

/**
 * `source` through a filter program such as a compressor, with back-pressure on both sides.
 * Calls `fail` with how the program ended when that is not exit 0, and throws what it returns.
 */
export async function* filter(
  program: string,
  args: readonly string[],
  source: Bytes,
  fail: (ended: Omit<Ended, 'stdout'>) => Error,
): Bytes {
  const running = start(program, args);
  const feeding = feed(running.stdin, source).then(
    () => undefined,
    (error: unknown) => {
      terminate(running.child);
      return { error };
    },
  );
  try {
    for await (const chunk of running.stdout) yield chunk as Buffer;
    const failedSource = await feeding;
    if (failedSource) throw failedSource.error;
    const ended = await running.ended;
    if (ended.exitCode !== 0) throw fail(ended);
  } finally {
    terminate(running.child);
  }
}

/**
 * Writes all of `source` to `sink` and ends it. Asks for a chunk only when the one before is written, because the source
 * may use its memory again. A sink that breaks is left.
 */
export async function feed(sink: Writable, source: Bytes): Promise<void> {
  for await (const chunk of source) {
    if (sink.destroyed) return;
    await new Promise((settle) => sink.write(chunk, settle));
  }
  sink.end();
}

/**
 * `source` through a transform of this process, such as a decompressor, with back-pressure on both sides. Throws what
 * `source` throws, and what `broken` makes of an error of the transform itself.
 */
export async function* through(transform: Duplex, source: Bytes, broken: (error: unknown) => unknown): Bytes {
  let failed: { readonly error: unknown } | undefined;
  feed(transform, source).catch((error: unknown) => {
    failed = { error };
    transform.destroy();
  });
  try {
    for await (const chunk of transform) yield chunk as Buffer;
  } catch (error) {
    throw failed ? failed.error : broken(error);
  } finally {
    transform.destroy();
  }
}
