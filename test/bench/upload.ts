/*
 * A day archive on its way to a contractor, over two bad lines of this machine: one with latency, and one that also has a rate
 * and is cut again and again. A real sshd with a shell; coffre beside scp, sftp and rsync, each begun again when it fails, as a
 * careful person would have a loop do it. What is sent are the bytes of the TCP connections from here to there, all of SSH included.
 * Whether it was delivered is looked up in the file that is there afterwards, by its digest.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startThrowawaySshd, type ThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import type { Bytes } from '../../lib/model/stages.ts';
import { formatTable } from '../../lib/report/table.ts';
import { readStream, writeDurably } from '../../lib/system/files.ts';
import { type BadLinkOptions, startBadLink } from '../fixture/bad-link.ts';
import { type BenchCommand, describeMachine, optionsOf, positive, say } from './bench-command.ts';
import { resultsFile } from './results-file.ts';
import { type Uploader, uploadersHere } from './upload-peers.ts';

interface Measured {
  readonly line: string;
  readonly by: string;
  readonly seconds: number;
  readonly tries: number;
  readonly cuts: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** What is over there is the file, byte by byte. */
  readonly delivered: boolean;
}

interface Line extends BadLinkOptions {
  readonly name: string;
}

const CHUNK_BYTES = 4 * 1024 * 1024;

export const upload: BenchCommand = {
  usage: '[--size GB] [--latency MS] [--rate MB/s] [--cut SECONDS] [--patience SECONDS] [--json]',
  summary:
    'the upload of a day archive over a long line and one that is cut, beside scp, sftp and rsync (2 GB, 100 ms; 20 MB/s, cut every 20 s; 600 s)',
  async run(words, signal) {
    const options = optionsOf(words, {
      ...{ size: '2', latency: '100', rate: '20', cut: '20', patience: '600', json: false },
    });
    const sizeBytes = Math.ceil(positive('size', options.size) * 1e9);
    const latencyMs = positive('latency', options.latency);
    const bytesPerSecond = positive('rate', options.rate) * 1e6;
    const cutEveryMs = positive('cut', options.cut) * 1000;
    const patienceSeconds = positive('patience', options.patience);
    const lines: readonly Line[] = [
      { name: `${options.latency} ms`, latencyMs },
      { name: `${options.rate} MB/s, cut every ${options.cut} s`, latencyMs: 20, bytesPerSecond, cutEveryMs },
    ];
    const { here, missing } = uploadersHere();
    for (const { name, program } of missing) say(`${name} is left out: there is no ${program}`);
    const folder = await mkdtemp(join(tmpdir(), 'coffre-bench-'));
    const results = await resultsFile('upload');
    const measured: Measured[] = [];
    let sshd: ThrowawaySshd | undefined;
    try {
      sshd = await startThrowawaySshd({ folder: join(folder, 'sshd'), sftpOnly: false });
      const file = join(folder, 'encrypted.dat');
      say(`making ${options.size} GB in ${folder}`);
      const wanted = await makeFile(file, sizeBytes);
      for (const line of lines) {
        for (const by of here) {
          if (signal.aborted) break;
          const each = { file, sizeBytes, folder, sshd, patienceSeconds, signal };
          const one = await measure(line, by, wanted, each);
          measured.push(one);
          say(
            `${line.name}, ${by.name}: ${one.seconds.toFixed(1)} s, ${one.delivered ? 'delivered' : 'NOT delivered'}`,
          );
          await results.write({ machine: describeMachine(), sizeBytes, measured });
        }
      }
    } finally {
      await sshd?.stop();
      await rm(folder, { recursive: true, force: true });
    }
    const rows = measured.map(({ line, by, seconds, tries, cuts, sentBytes, receivedBytes, delivered }) => [
      ...[line, by, seconds.toFixed(1), String(tries), String(cuts)],
      ...[(sentBytes / sizeBytes).toFixed(2), (receivedBytes / sizeBytes).toFixed(2), delivered ? 'yes' : 'NO'],
    ]);
    const head = ['line', 'by', 'seconds', 'tries', 'cuts', 'sent / needed', 'received / needed', 'delivered'];
    const text = `${formatTable(head, rows)}\n\n${options.size} GB; ${describeMachine()}\nkept: ${results.path}`;
    process.stdout.write(`${options.json ? JSON.stringify({ sizeBytes, measured }, null, 2) : text}\n`);
    return 0;
  },
};

interface Setting {
  readonly file: string;
  readonly sizeBytes: number;
  readonly folder: string;
  readonly sshd: ThrowawaySshd;
  readonly patienceSeconds: number;
  readonly signal: AbortSignal;
}

async function measure(line: Line, by: Uploader, wanted: string, setting: Setting): Promise<Measured> {
  const { sshd } = setting;
  const link = await startBadLink(sshd.port, line);
  const there = join(setting.folder, 'there');
  const knownHosts = join(setting.folder, 'known_hosts');
  await mkdir(there);
  await writeFile(knownHosts, `[127.0.0.1]:${link.port} ${sshd.hostKey}\n`);
  try {
    const from = performance.now();
    const tries = await by.upload({ ...setting, port: link.port, knownHosts, folder: there });
    const seconds = (performance.now() - from) / 1000;
    const path = by.pathOf(there);
    const delivered = existsSync(path) && (await digestOf(readStream(path))) === wanted;
    const counted = { cuts: link.cuts(), sentBytes: link.sentBytes(), receivedBytes: link.receivedBytes() };
    return { line: line.name, by: by.name, seconds, tries, ...counted, delivered };
  } finally {
    await link.close();
    await rm(there, { recursive: true, force: true });
  }
}

/** A file as sealed ones are, which nothing can compress. Returns its digest. */
async function makeFile(path: string, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256');
  async function* content(): Bytes {
    for (let left = sizeBytes; left > 0; left -= CHUNK_BYTES) {
      const chunk = randomBytes(Math.min(CHUNK_BYTES, left));
      hash.update(chunk);
      yield chunk;
    }
  }
  await writeDurably(path, content());
  return hash.digest('hex');
}

async function digestOf(source: Bytes): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk);
  return hash.digest('hex');
}
