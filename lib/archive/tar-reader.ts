import { Header, Pax } from 'tar';
import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { ByteSource } from './byte-source.ts';
import type { TarEntry } from './day-tar.ts';

const BLOCK_BYTES = 512;
/** A Pax header holds a name and a few numbers. */
const PAX_LIMIT = 64 * 1024;

/**
 * The plain files of a tar, in order, in bounded memory. Each content must be read before the next entry is asked
 * for; what is left unread is skipped. Throws `verification-failed` for anything but plain files with sound headers,
 * for a missing end, and for bytes after the end.
 */
export async function* readTar(bytes: Bytes, subject: string): AsyncGenerator<TarEntry, void, undefined> {
  const source = new ByteSource(bytes);
  const damaged = (why: string) =>
    new CoffreError('verification-failed', `cannot read ${subject}: ${why}`, {
      hint: 'take another copy of this run: npx zx tasks/list.ts',
    });
  const exactly = async (length: number) => {
    const read = await source.take(length);
    if (read.length < length) throw damaged('it is cut short');
    return read;
  };
  let pax: Pax | undefined;
  try {
    for (;;) {
      const block = await exactly(BLOCK_BYTES);
      if (isEmpty(block)) {
        if (!isEmpty(await exactly(BLOCK_BYTES))) throw damaged('its end is damaged');
        if ((await source.take(1)).length > 0) throw damaged('there is something after its end');
        return;
      }
      const header = new Header(block, 0, pax);
      const sizeBytes = header.size ?? -1;
      if (!header.cksumValid || sizeBytes < 0) throw damaged('a header is damaged');
      const paddingBytes = (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
      if (header.type === 'ExtendedHeader' && sizeBytes <= PAX_LIMIT) {
        pax = Pax.parse((await exactly(sizeBytes)).toString('utf8'));
        await exactly(paddingBytes);
        continue;
      }
      if (header.type !== 'File' || header.path === undefined) throw damaged('it holds more than plain files');
      pax = undefined;
      const content = source.limited(sizeBytes, () => damaged('it is cut short'));
      yield { name: header.path, sizeBytes, content };
      for await (const _ of content);
      await exactly(paddingBytes);
    }
  } finally {
    await source.close();
  }
}

function isEmpty(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
