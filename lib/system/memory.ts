import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 count on buffers that come and go. By default it takes each 20 MB of them for a heap that grows, and searches all
 * of it for garbage ten times a second: a fifth of the processor's time of a backup. Now the heap may become two and a
 * half times as large first. The memory that this takes is less than what .npmrc saves with a small young generation.
 */
export function expectBulkData(): void {
  setFlagsFromString('--heap-growing-percent=150');
}
