import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { sleep } from '../../lib/system/clock.ts';
import { quotePosix, run } from '../../lib/system/command.ts';
import { findProgram, type Program } from '../../lib/system/programs.ts';
import type { UploadOrder } from './upload-client.ts';

/** One file to one folder of a server, over a line that ends at `port`. */
export interface Delivery {
  readonly sshd: ThrowawaySshd;
  readonly port: number;
  readonly knownHosts: string;
  readonly file: string;
  readonly sizeBytes: number;
  /** Empty to begin with. */
  readonly folder: string;
  readonly patienceSeconds: number;
  readonly signal: AbortSignal;
}

/** A way to deliver it. */
export interface Uploader {
  readonly name: string;
  readonly program?: Program;
  /** Goes on until it says that the file is there, or patience is over. Returns how often it was tried. */
  upload(delivery: Delivery): Promise<number>;
  /** Where the file is then. */
  pathOf(folder: string): string;
}

const DESTINATION = 'encrypted.dat';
const inFolder = (folder: string) => join(folder, DESTINATION);

/** What a careful person sets for a line that breaks: nobody waits for ever. */
function sshOptions({ sshd, knownHosts }: Delivery): string[] {
  const options = {
    ...{ BatchMode: 'yes', IdentitiesOnly: 'yes', StrictHostKeyChecking: 'yes', UserKnownHostsFile: knownHosts },
    ...{ ServerAliveInterval: '15', ServerAliveCountMax: '3', ConnectTimeout: '30', LogLevel: 'ERROR' },
  };
  return [
    '-F',
    '/dev/null',
    '-i',
    sshd.identityPath,
    ...Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
  ];
}

/** A loop around a program, as a careful person would write it. */
async function again({ patienceSeconds, signal }: Delivery, once: () => Promise<{ exitCode: number | null }>) {
  const giveUpAt = performance.now() + patienceSeconds * 1000;
  for (let tries = 1; ; tries += 1) {
    if ((await once()).exitCode === 0 || signal.aborted || performance.now() > giveUpAt) return tries;
    await sleep(1000, signal);
  }
}

const timeLeft = ({ patienceSeconds, signal }: Delivery) => ({ timeoutMs: patienceSeconds * 1000, signal });

export const UPLOADERS: readonly Uploader[] = [
  {
    name: 'coffre',
    pathOf: (folder) => join(folder, '2026-11-22T040000Z', DESTINATION),
    async upload(delivery) {
      const { sshd, port, folder, file, sizeBytes, patienceSeconds, signal } = delivery;
      const { address, user, hostKey, identityPath: identity } = sshd;
      const offsite = { name: 'bench', kind: 'sftp', address, port, user, hostKey, identity, path: folder };
      const order: UploadOrder = { offsite, file, sizeBytes, patienceSeconds };
      const client = join(import.meta.dirname, 'upload-client.ts');
      const { stdout } = await run(process.execPath, ['--import=tsx', client, JSON.stringify(order)], { signal });
      return Number(stdout.trim());
    },
  },
  {
    name: 'scp',
    program: 'scp',
    pathOf: inFolder,
    upload: (delivery) => {
      const { sshd, port, file, folder } = delivery;
      const words = [
        ...sshOptions(delivery),
        '-q',
        '-P',
        String(port),
        file,
        `${sshd.user}@127.0.0.1:${inFolder(folder)}`,
      ];
      return again(delivery, () => run('scp', words, timeLeft(delivery)));
    },
  },
  {
    name: 'sftp, then put -a',
    program: 'sftp',
    pathOf: inFolder,
    upload: (delivery) => {
      const { sshd, port, file, folder } = delivery;
      const words = [...sshOptions(delivery), '-q', '-b', '-', '-P', String(port), `${sshd.user}@127.0.0.1`];
      return again(delivery, () => {
        const resume = existsSync(inFolder(folder)) ? '-a ' : '';
        return run('sftp', words, { input: `put ${resume}"${file}" "${inFolder(folder)}"\n`, ...timeLeft(delivery) });
      });
    },
  },
  {
    name: 'rsync --append-verify',
    program: 'rsync',
    pathOf: inFolder,
    upload: (delivery) => {
      const { sshd, port, file, folder } = delivery;
      const shell = ['ssh', ...sshOptions(delivery), '-p', String(port)].map(quotePosix).join(' ');
      const words = ['--partial', '--append-verify', '--timeout=60', '-e', shell, file];
      const to = `${sshd.user}@127.0.0.1:${inFolder(folder)}`;
      return again(delivery, () => run('rsync', [...words, to], timeLeft(delivery)));
    },
  },
];

/** Those whose program is here. */
export function uploadersHere(): { readonly here: readonly Uploader[]; readonly missing: readonly Uploader[] } {
  const isHere = ({ program }: Uploader) => program === undefined || findProgram(program) !== undefined;
  return { here: UPLOADERS.filter(isHere), missing: UPLOADERS.filter((each) => !isHere(each)) };
}
