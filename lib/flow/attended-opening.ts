import type { AgentQuestion } from '../model/agent-question.ts';
import { CoffreError } from '../model/error.ts';
import { Passphrase } from '../seal/passphrase.ts';
import { readSmall } from '../storage/run-reader.ts';
import { addedAmong, LARGEST_ENVELOPE_BYTES } from './added-envelope.ts';
import type { Opening } from './opening.ts';
import { MANIFEST_FILE, SIGNATURE_FILE } from './run-files.ts';

/** Opens a run by the passphrase that control gives for what it is shown. It stays in this process. */
export function attendedOpening(ask: (question: AgentQuestion) => Promise<Buffer>): Opening {
  return {
    kind: 'asked',
    async ask(manifest, reader) {
      const base64 = async (file: string) => (await readSmall(reader, file))?.toString('base64');
      const envelopes = manifest.recipients.map(({ wrappedKey }) => wrappedKey.file);
      for (const file of addedAmong({ manifest }, await reader.list())) {
        if (((await reader.sizeOf(file)) ?? 0) <= LARGEST_ENVELOPE_BYTES) envelopes.push(file);
      }
      const wrapped = await Promise.all(envelopes.map(async (file) => [file, await base64(file)] as const));
      const [bytes, signature] = [await base64(MANIFEST_FILE), await base64(SIGNATURE_FILE)];
      if (bytes === undefined || signature === undefined) {
        throw new CoffreError('verification-failed', `cannot trust ${reader.where}: its manifest has gone`, {
          hint: 'take another copy of the run: npx zx tasks/list.ts',
        });
      }
      const answer = await ask({
        ask: 'passphrase',
        run: manifest.run,
        where: reader.where,
        manifest: bytes,
        signature,
        wrappedKeys: Object.fromEntries(wrapped.flatMap(([file, text]) => (text === undefined ? [] : [[file, text]]))),
      });
      try {
        return Passphrase.parse(answer.toString('latin1'));
      } finally {
        answer.fill(0);
      }
    },
  };
}
