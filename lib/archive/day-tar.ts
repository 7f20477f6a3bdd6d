import { CoffreError } from '../model/error.ts';
import { asStage, type Bytes, type TarStream } from '../model/stages.ts';
import { END_OF_TAR, tarHeader, tarPadding } from './tar-blocks.ts';

/** A file whose size is known before it is read. */
export interface TarEntry {
  readonly name: string;
  readonly sizeBytes: number;
  readonly content: Bytes;
}

/** All archives of a run as one tar, in the order given. Throws `write-failed` when a size is not as announced. */
export function dayTar(entries: AsyncIterable<TarEntry> | Iterable<TarEntry>): TarStream {
  return asStage<TarStream>(tarOf(entries));
}

async function* tarOf(entries: AsyncIterable<TarEntry> | Iterable<TarEntry>): Bytes {
  for await (const { name, sizeBytes, content } of entries) {
    yield tarHeader(name, sizeBytes);
    let written = 0;
    for await (const chunk of content) {
      written += chunk.length;
      if (written > sizeBytes) throw otherSize(name, sizeBytes);
      yield chunk;
    }
    if (written !== sizeBytes) throw otherSize(name, sizeBytes);
    yield tarPadding(sizeBytes);
  }
  yield END_OF_TAR;
}

function otherSize(name: string, sizeBytes: number): CoffreError {
  return new CoffreError(
    'write-failed',
    `cannot put ${name} into the day archive: it does not have ${sizeBytes} bytes`,
    {
      hint: 'something else writes to the store; run the backup again',
    },
  );
}
