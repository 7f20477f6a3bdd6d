/** Segment size of every sealed file: 8 MiB. A reader takes the size from the manifest, never from here. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;
