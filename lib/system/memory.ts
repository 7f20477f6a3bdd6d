import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 count on buffers that come and go. It takes their bytes for a heap that grows, and soon searches all of it for
 * garbage many times a second: a third of the processor's time of an upload. Now the heap may become two and a half times as
 * large first. It never does, because the buffers go with the young generation, which is small (.npmrc) and cheap to clear.
 */
export function expectBulkData(): void {
  setFlagsFromString('--heap-growing-percent=150');
}
