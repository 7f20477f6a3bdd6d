import type { LanedTables } from '../model/lanes.ts';
import type { DumpStream } from '../model/stages.ts';
import type { SectionDigest } from './digests.ts';
import { mergeLanes } from './merge-lanes.ts';
import { SectionDigester } from './section-digester.ts';

/** The digests of the sections that an archive of this dump would have. Throws what `archiveDump` throws. */
export async function digestSections(dump: DumpStream, laned: LanedTables | null): Promise<readonly SectionDigest[]> {
  const digester = new SectionDigester();
  for await (const chunk of laned ? mergeLanes(dump, laned) : dump) {
    for (const piece of digester.push(chunk)) digester.add(piece, 0);
  }
  for (const piece of digester.end()) digester.add(piece, 0);
  return digester.digests().sections;
}
