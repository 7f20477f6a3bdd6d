import type { KeyObject } from 'node:crypto';
import { verifyManifest } from '../audit/verify-signature.ts';
import type { AgentQuestion } from '../model/agent-question.ts';
import { CoffreError } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import { type KnownKeys, unwrapRun } from './opening.ts';

interface Holding {
  readonly privateKey: KeyObject;
  /** Whose run is restored. */
  readonly host: HostName;
  /** The run that was ordered; undefined for the newest, whichever that is. */
  readonly run: RunId | undefined;
  /** Those of the inventory at control. */
  readonly allowedSigners: string;
  readonly known?: KnownKeys;
}

/**
 * Control's half of `opening: asked`. It believes nothing that it is shown: the manifest has to be signed by the host whose
 * run was ordered, and the passphrase of one run is given, and never that of a second one.
 *
 * Throws `verification-failed`, `private-key`, `refused`.
 */
export function keyHolder({ privateKey, host, run, allowedSigners, known }: Holding) {
  let given = run;
  return async (shown: Extract<AgentQuestion, { ask: 'passphrase' }>): Promise<Passphrase> => {
    if (given !== undefined && shown.run !== given) {
      const why = run === undefined ? `it has asked for that of ${given} already` : `${run} was ordered`;
      throw new CoffreError('refused', `cannot give the passphrase of ${shown.run}: ${why}`, {
        hint: `to restore that one, order it: --run ${shown.run}`,
      });
    }
    const signed = await verifyManifest({
      bytes: Buffer.from(shown.manifest, 'base64'),
      signature: Buffer.from(shown.signature, 'base64'),
      allowedSigners,
      host,
      run: shown.run,
    });
    const read = async (file: string) => {
      const wrapped = shown.wrappedKeys[file];
      return wrapped === undefined ? undefined : Buffer.from(wrapped, 'base64');
    };
    const passphrase = await unwrapRun(
      privateKey,
      signed,
      { where: shown.where, list: async () => Object.keys(shown.wrappedKeys), read },
      known,
    );
    given = signed.manifest.run;
    return passphrase;
  };
}
