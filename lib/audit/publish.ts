import { asCoffreError, type CoffreError } from '../model/error.ts';
import { settle } from './chain.ts';
import { readOutbox } from './outbox.ts';
import { publishByGit } from './publish-by-git.ts';
import { publishByGitHub } from './publish-by-github.ts';
import type { PublishOptions } from './publish-order.ts';

export type Publication =
  | {
      readonly kind: 'published';
      readonly count: number;
      /** The commit that has everything; null when there was nothing to publish. */
      readonly commit: string | null;
      /** Paths of this chain that had been published, were gone from the remote or changed there, and why to look. */
      readonly tampered: readonly string[];
      /** Paths of records published now, where somebody had put another file meanwhile. It is replaced; the history has it. */
      readonly squatted: readonly string[];
    }
  | { readonly kind: 'owed'; readonly count: number; readonly error: CoffreError };

/**
 * Publishes everything in the outbox, in one commit on top of the remote branch. When another host was faster, looks again
 * and builds the commit anew. What cannot be published stays in the outbox and is `owed`; nothing is thrown for that.
 */
export async function publishOutbox(options: PublishOptions): Promise<Publication> {
  const waiting = await readOutbox(options.stateFolder);
  if (waiting.length === 0) return { kind: 'published', count: 0, commit: null, tampered: [], squatted: [] };
  try {
    const { audit } = options;
    const done =
      audit.kind === 'git'
        ? await publishByGit(audit, waiting, options)
        : await publishByGitHub(audit, waiting, options);
    await settle(options.stateFolder, waiting);
    return { kind: 'published', count: waiting.length, ...done };
  } catch (error) {
    return { kind: 'owed', count: waiting.length, error: asCoffreError(error) };
  }
}
