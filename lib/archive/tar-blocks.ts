import { Header, Pax } from 'tar';

const BLOCK_BYTES = 512;
/** Every entry bears the same date, so that the same dump gives the same bytes. Not zero: GNU tar warns of that. */
const DATE = new Date('2000-01-01T00:00:00Z');
/** The name field of a ustar header; a longer name, or one beyond ASCII, needs a Pax header before it. */
const NAME_BYTES = 100;

/** Two empty blocks. */
export const END_OF_TAR = Buffer.alloc(2 * BLOCK_BYTES);

/** The header of a plain file. */
export function tarHeader(path: string, sizeBytes: number): Buffer {
  const entry = { path, size: sizeBytes, mode: 0o600, uid: 0, gid: 0, uname: '', gname: '', mtime: DATE } as const;
  const header = new Header({ ...entry, type: 'File' });
  const block = Buffer.alloc(BLOCK_BYTES);
  header.encode(block, 0);
  if (Buffer.byteLength(path) <= NAME_BYTES && /^[ -~]*$/.test(path)) return block;
  return Buffer.concat([new Pax({ path, size: sizeBytes, mtime: DATE }).encode(), block]);
}

/** What fills the last block of an entry. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}
