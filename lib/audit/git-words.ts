import { CoffreError } from '../model/error.ts';
import { terminate } from '../system/command.ts';
import { gitFailure, startGit } from '../system/git.ts';
import { feed } from '../system/pipes.ts';

/** A tree can name itself a thousand times over, and a few kilobytes then stand for more files than there are atoms. */
const PATIENCE_MS = 600_000;

/**
 * What a git command with `-z` writes, word by word, some at a time: nothing is kept of what was handed out. A caller that has
 * seen enough leaves, and git ends. Throws what `gitFailure` makes of a command that fails, or that takes ten minutes.
 */
export async function* gitWords(
  repository: string,
  args: readonly string[],
  input?: AsyncIterable<Buffer>,
): AsyncGenerator<readonly string[]> {
  const running = startGit(args, repository);
  let late = false;
  const patience = setTimeout(() => {
    late = true;
    terminate(running.child);
  }, PATIENCE_MS);
  const feeding = input ? feed(running.stdin, input) : Promise.resolve(running.stdin.end());
  feeding.catch(() => terminate(running.child)); // awaited below
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of running.stdout) {
      const words = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\0');
      rest = words.pop() ?? '';
      if (words.length > 0) yield words;
    }
    const { exitCode, stderr } = await running.ended;
    if (late) {
      throw new CoffreError(
        'verification-failed',
        `cannot read the audit repository: git ${args[0]} takes longer than ten minutes`,
        {
          hint: `look at: git -C ${repository} count-objects -vH; somebody may have put there what has no end`,
        },
      );
    }
    if (exitCode !== 0) throw gitFailure(args, { exitCode, stdout: '', stderr });
    await feeding;
    if (rest !== '') yield [rest];
  } finally {
    clearTimeout(patience);
    terminate(running.child);
  }
}
