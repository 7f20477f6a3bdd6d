import { randomBytes } from 'node:crypto';
import { asCoffreError } from '../model/error.ts';
import type { FarEndCondition } from '../model/far-end.ts';
import type { RcloneOffsiteConfig } from '../model/rclone-offsite-config.ts';
import { Rclone } from '../system/rclone.ts';
import { RclonePlace } from './rclone-place.ts';
import { readRange } from './rclone-reader.ts';
import { judgeRemote } from './rclone-remote.ts';

const NEED = {
  login: 'rclone, its configuration and the remote are there',
  reach: 'it answers, and lists what it has',
  write: 'a file is written, read back and removed',
} as const;
type Need = keyof typeof NEED;

const SILENCE_MS = 20_000;

/**
 * Looks at an offsite that rclone reaches, as the host that ships to it: one answer for each condition, in a fixed order, and
 * never an error but `interrupted`. A small file under a name of its own is written beside the runs, and removed again,
 * unless nothing may be removed there.
 */
export async function checkRclone(
  offsite: RcloneOffsiteConfig,
  secret: () => Promise<{ readonly passphrase?: string }>,
  signal: AbortSignal,
): Promise<readonly FarEndCondition[]> {
  const answers: FarEndCondition[] = [];
  let rclone: Rclone | undefined;
  const tryOut = async (check: Need, act: () => Promise<string>) => {
    const says = NEED[check];
    if (answers.some(({ outcome }) => outcome === 'failed')) {
      answers.push({ check, says, outcome: 'untried', detail: 'what it depends on failed', hint: null });
      return;
    }
    try {
      answers.push({ check, says, outcome: 'ok', detail: await act(), hint: null });
    } catch (error) {
      const { code, message, hint = null } = asCoffreError(error);
      if (code === 'interrupted') throw error;
      answers.push({ check, says, outcome: 'failed', detail: message, hint });
    }
  };
  try {
    await tryOut('login', async () => {
      rclone = await Rclone.open({ config: offsite.config, silenceMs: SILENCE_MS, signal, ...(await secret()) });
      return [offsite.remote, ...judgeRemote(offsite, rclone.config)].join('; ');
    });
    const place = rclone && new RclonePlace(rclone, offsite);
    await tryOut('reach', async () => {
      const entries = await place?.list('');
      return entries === undefined ? 'the folder is not there yet' : `${entries.length} entries`;
    });
    await tryOut('write', async () => (place ? await writeAndRead(place) : ''));
    return answers;
  } finally {
    rclone?.close();
  }
}

async function writeAndRead(place: RclonePlace): Promise<string> {
  if (place.appendOnly) return 'not tried: nothing could be removed again';
  const content = randomBytes(32);
  const path = `coffre-check-${content.toString('hex', 0, 6)}`;
  const words = ['rcat', '--size', String(content.length), place.at(path)];
  await place.rclone.send(`write ${place.at(path)}`, words, once(content));
  const back: Buffer[] = [];
  for await (const chunk of readRange(place, path, 0, content.length)) back.push(Buffer.from(chunk));
  await place.removeFile(path);
  if (!Buffer.concat(back).equals(content)) throw new Error(`cannot trust ${place.where}: it gives back other bytes`);
  const digest = await place.digestTold();
  return digest ? `it tells ${digest}` : 'it tells no digest: copies are read back';
}

async function* once(content: Buffer) {
  yield content;
}
