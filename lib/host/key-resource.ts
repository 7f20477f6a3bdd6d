import { chmod, chown, stat } from 'node:fs/promises';
import { CoffreError } from '../model/error.ts';
import type { Resource } from '../model/plan.ts';
import { explained } from '../system/explained.ts';
import { exists } from '../system/files.ts';
import { publicHalf } from '../system/ssh-key.ts';
import { octal } from './file-resource.ts';

export interface WantedKey {
  /** Where the private half stands. */
  readonly path: string;
  /** What it is for, as in "signs the manifests of db1". */
  readonly purpose: string;
  /** Makes it, durably. Called only when there is nothing at `path`. */
  readonly make: () => Promise<void>;
  /** Whether the key has a passphrase, which only the host's secrets know: then it is never made here. */
  readonly hasPassphrase?: boolean;
  /** For a key that is no key pair for SSH. */
  readonly form?: KeyForm;
}

export interface KeyForm {
  /** What it is, as in "ed25519". */
  readonly what: string;
  /** Who does not take it, where it cannot be used. */
  readonly judge: string;
  isUsable(path: string): Promise<boolean>;
}

const KEY_PAIR: KeyForm = {
  what: 'ed25519',
  judge: 'ssh-keygen',
  isUsable: async (path) => (await publicHalf(path)) !== undefined,
};

const PRIVATE = 0o600;

/**
 * A key that the host makes for itself, and whose secret never leaves it. What is there already is never
 * replaced: throws `refused` when it cannot be used.
 */
export function keyResource({ path, purpose, make, hasPassphrase = false, form = KEY_PAIR }: WantedKey): Resource {
  const owner = process.getuid?.() ?? 0;
  return {
    kind: 'key',
    name: path,
    async inspect() {
      if (!(await exists(path))) {
        if (hasPassphrase) throw missing(path);
        return { action: 'create', kind: 'key', name: path, lines: [`+${purpose}`, `+${form.what}, made on the host`] };
      }
      const { mode, uid } = await stat(path);
      const lines: string[] = [];
      if ((mode & 0o777) !== PRIVATE) lines.push(`-mode ${octal(mode & 0o777)}`, `+mode ${octal(PRIVATE)}`);
      if (uid !== owner) lines.push(`-owner ${uid}`, `+owner ${owner}`);
      if (lines.length > 0) return { action: 'change', kind: 'key', name: path, lines };
      if (!hasPassphrase && !(await form.isUsable(path))) throw unusable(path, form);
      return undefined;
    },
    async apply(change) {
      if (change.action === 'create') return await make();
      try {
        await chown(path, owner, -1);
        await chmod(path, PRIVATE);
      } catch (error) {
        throw explained('change', path, error);
      }
    },
  };
}

function missing(path: string): CoffreError {
  return new CoffreError('not-found', `cannot find the key ${path}: a key with a passphrase is not made here`, {
    hint: `make it on the host: ssh-keygen -t ed25519 -f ${path}; its passphrase goes into the .env file`,
  });
}

function unusable(path: string, { judge }: KeyForm): CoffreError {
  return new CoffreError('refused', `cannot use the key ${path}: ${judge} does not take it, and it is never replaced`, {
    hint: `move it away to have a new one made: mv ${path} ${path}.old`,
  });
}
