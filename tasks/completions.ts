import { CoffreError } from '../lib/model/error.ts';
import { type Completable, completionScript, SHELLS } from '../lib/report/completions.ts';
import { otherTasks } from './collect.ts';

import { describedOptions, runTask, wordsOf } from './run-task.ts';

import type { Task, TaskResult } from './task.ts';

await runTask({
  verb: 'completions',
  usage: 'bash | zsh',
  summary: `Prints a script that lets the shell complete verbs, options and hosts, of coffre and of npx zx tasks/<verb>.ts.`,
  options: {},
  examples: ['bash > ~/.local/share/bash-completion/completions/coffre', 'zsh > ~/.zfunc/_coffre'],
  async run({ words }): Promise<TaskResult> {
    const shell = SHELLS.find((known) => words.length === 1 && words[0] === known);
    if (!shell) {
      throw new CoffreError('usage', `cannot tell which shell is meant by ${JSON.stringify(words.join(' '))}`, {
        hint: `one of: ${SHELLS.join(', ')}`,
      });
    }
    const text = completionScript(shell, (await otherTasks(import.meta.url)).map(completable));
    return { text, data: { shell, script: text } };
  },
});

function completable(task: Task): Completable {
  const options = describedOptions(task).map(({ name, value, about }) => ({ name, value, about }));
  return { verb: task.verb, words: wordsOf(task), takesHosts: /\b(host|driller)\b/.test(task.usage), options };
}
