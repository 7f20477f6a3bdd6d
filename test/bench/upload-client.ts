/*
 * Sends one file as coffre ships a day archive, in a process of its own, and again until it is there or `patienceSeconds` are over:
 * what a later run would do. One JSON document on the command line, `UploadOrder`. Prints how often it has tried.
 */
import { createHash } from 'node:crypto';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { SEGMENT_BYTES } from '../../lib/model/segments.ts';
import { asStage, type SealedStream } from '../../lib/model/stages.ts';
import { resumable } from '../../lib/storage/resumable.ts';
import { openSftpOffsite } from '../../lib/storage/sftp-offsite.ts';
import { sleep } from '../../lib/system/clock.ts';
import { readStream } from '../../lib/system/files.ts';

export interface UploadOrder {
  readonly offsite: object;
  readonly file: string;
  readonly sizeBytes: number;
  readonly patienceSeconds: number;
}

const order = JSON.parse(process.argv.at(-1) ?? '') as UploadOrder;
const RUN = RunId.parse('2026-11-22T040000Z');

/** Its side file of digests is there when a run is shipped; here it is made. */
async function sealedFile({ file, sizeBytes }: UploadOrder) {
  const segments: string[] = [];
  const whole = createHash('sha256');
  for (let at = 0; at < sizeBytes; at += SEGMENT_BYTES) {
    const segment = createHash('sha256');
    for await (const chunk of readStream(file, at, SEGMENT_BYTES)) {
      segment.update(chunk);
      whole.update(chunk);
    }
    segments.push(segment.digest('hex'));
  }
  const content = resumable({
    ...{ segmentBytes: SEGMENT_BYTES, sizeBytes, segments: segments as never },
    open: (segment) => asStage<SealedStream>(readStream(file, segment * SEGMENT_BYTES)),
  });
  return { content, sha256: whole.digest('hex') as never };
}

const { content, sha256 } = await sealedFile(order);
const giveUpAt = performance.now() + order.patienceSeconds * 1000;
let tries = 0;
for (let isThere = false; !isThere && performance.now() < giveUpAt; ) {
  tries += 1;
  try {
    const offsite = await openSftpOffsite(SftpOffsiteConfig.parse(order.offsite));
    try {
      const upload = await offsite.beginRun(RUN);
      await upload.put('encrypted.dat', content, async () => ({ sizeBytes: order.sizeBytes, sha256 }));
      await upload.commit();
      isThere = true;
    } finally {
      offsite.close();
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    await sleep(1000);
  }
}
process.stdout.write(`${tries}\n`);
