import { createHash } from 'node:crypto';
import { asStage, type Bytes, type SealedStream } from '../model/stages.ts';
import { mismatch } from './arrival.ts';
import type { Offsite } from './offsite.ts';
import { openRunFolders } from './run-folders.ts';

/** An offsite that is a folder of this machine: a disk that is taken away, or another machine's mounted share. */
export function openDirectoryOffsite(path: string): Offsite {
  const folders = openRunFolders(path);
  return {
    where: path,
    listRuns: folders.listRuns,
    listPartials: folders.listPartials,
    openRun: folders.openRun,
    addFile: folders.addFile,
    removeRun: folders.removeRun,
    removePartial: folders.removePartial,
    async beginRun(run) {
      const folder = await folders.beginRun(run);
      return {
        async put(name, content, facts) {
          if (Buffer.isBuffer(content)) await folder.writeSmall(name, content);
          else await folder.write(name, asStage<SealedStream>(content.from(0)));
          const { sha256 } = await facts();
          if ((await digestOf(folder.reader.read(name))) !== sha256) throw mismatch(path, name);
          return 'read back';
        },
        commit: folder.commit,
        discard: folder.discard,
      };
    },
    weaknesses: () => [],
    close: () => undefined,
  };
}

async function digestOf(source: Bytes): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk);
  return hash.digest('hex');
}
