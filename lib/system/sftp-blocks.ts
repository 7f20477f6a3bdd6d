import type { Bytes } from '../model/stages.ts';

/* One block after another would wait for the network each time. */

/**
 * What OpenSSH takes in one request; ssh2 cuts it smaller for a server that announces less. Each request costs the same
 * at either end, whatever its size. A slow answer costs nothing while others are under way: as many of them as the two mebibytes that both
 * OpenSSH and ssh2 let a channel have on the line.
 */
const BLOCK_BYTES = 255 * 1024;
const OUTSTANDING = 8;

/**
 * Writes a stream from position `from` on, many blocks under way at once; returns how many bytes there are then. `onWritten` is
 * told each time how many the server has from the first on.
 */
export async function writeAll(
  source: Bytes,
  write: (block: Buffer, position: number) => Promise<void>,
  {
    from = 0,
    onWritten = () => undefined,
  }: { readonly from?: number | undefined; readonly onWritten?: ((bytes: number) => void) | undefined } = {},
): Promise<number> {
  const underWay = new Map<Promise<void>, number>();
  const free: Buffer[] = [];
  const take = () => free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let block = take();
  let filled = 0;
  let position = from;
  let failed: { error: unknown } | undefined;
  const send = async () => {
    const sent = block;
    const writing = write(sent.subarray(0, filled), position)
      .catch((error: unknown) => {
        failed ??= { error };
      })
      .then(() => {
        underWay.delete(writing);
        free.push(sent);
        // In the order in which they were sent: what comes first is the oldest that has no answer yet.
        const [oldest = position] = underWay.values();
        if (!failed) onWritten(oldest);
      });
    underWay.set(writing, position);
    position += filled;
    filled = 0;
    if (underWay.size >= OUTSTANDING) await Promise.race(underWay.keys());
    if (failed) throw failed.error;
    block = take();
  };
  try {
    for await (const chunk of source) {
      for (let offset = 0; offset < chunk.length; ) {
        const copied = chunk.copy(block, filled, offset);
        filled += copied;
        offset += copied;
        if (filled === BLOCK_BYTES) await send();
      }
    }
    if (filled > 0) await send();
  } finally {
    await Promise.all(underWay.keys());
  }
  if (failed) throw failed.error;
  return position;
}

/** A file from `start` to `end`, many blocks asked for at once, in order. Each is its reader's only until the next is asked for. */
export async function* readAhead(
  start: number,
  end: number,
  read: (buffer: Buffer, position: number) => Promise<number>,
): Bytes {
  /** A server may answer with fewer bytes than asked for: that is not yet the end. */
  const readBlock = async (block: Buffer, position: number, bytes: number): Promise<Buffer> => {
    let filled = 0;
    while (filled < bytes) {
      const got = await read(block.subarray(filled, bytes), position + filled);
      if (got === 0) break;
      filled += got;
    }
    return block.subarray(0, filled);
  };
  const ahead: { readonly memory: Buffer; readonly content: Promise<Buffer> }[] = [];
  const free: Buffer[] = [];
  let next = start;
  try {
    while (next < end || ahead.length > 0) {
      for (; next < end && ahead.length < OUTSTANDING; next += BLOCK_BYTES) {
        const bytes = Math.min(BLOCK_BYTES, end - next);
        const memory = free.pop() ?? Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, end - start));
        const content = readBlock(memory, next, bytes);
        content.catch(() => undefined); // awaited below, in order
        ahead.push({ memory, content });
      }
      const block = ahead.shift();
      if (!block) return;
      const content = await block.content;
      if (content.length > 0) yield content;
      free.push(block.memory);
    }
  } finally {
    await Promise.allSettled(ahead.map(({ content }) => content));
  }
}
