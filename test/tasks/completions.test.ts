import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { cleanEnvironment, run } from '../../lib/system/command.ts';
import { findProgram, requireProgram } from '../../lib/system/programs.ts';

const root = new URL('../../', import.meta.url).pathname;
const folder = t.testdir();
const env = cleanEnvironment();

/** The script, as the task prints it. */
async function scriptFor(shell: string): Promise<string> {
  const { exitCode, stdout, stderr } = await run('npx', ['zx', 'tasks/completions.ts', shell], { cwd: root });
  t.equal(exitCode, 0, stderr);
  const file = join(folder, `_coffre.${shell}`);
  await writeFile(file, stdout);
  return file;
}

/** [what stands on the line, the last word being completed; what is offered, some of it at least] */
const CASES: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['coffre', 'ba'], ['backup']],
  [
    ['coffre', 'keys', ''],
    ['new', 'list'],
  ],
  [['coffre', 'restore', '--overw'], ['--overwrite']],
  [
    ['coffre', 'backup', 'd'],
    ['db1', 'db2'],
  ],
  [['coffre', 'backup', '--inventory', 'elsewhere', 'w'], ['web7']],
  [['coffre', 'restore', '--on', 'db2'], ['db2']],
  [['coffre', 'restore', '--key', 'inv'], ['inventory']],
  [['npx', 'zx', 'tasks/va'], ['tasks/validate.ts']],
  [['npx', 'zx', 'tasks/verify.ts', '--sam'], ['--sample']],
  [['npx', 'inv'], ['inventory']],
];

for (const [name, hosts] of [
  ['inventory', ['db1', 'db2']],
  ['elsewhere', ['web7']],
] as const) {
  await mkdir(join(folder, name, 'hosts'), { recursive: true });
  for (const host of hosts) await writeFile(join(folder, name, 'hosts', `${host}.yaml`), '');
}

t.test('bash completes verbs, options, hosts and paths', async (t) => {
  const script = await scriptFor('bash');
  const ask = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _coffre; printf '%s\\n' "\${COMPREPLY[@]}"`;
  for (const [line, offered] of CASES) {
    const { stdout, stderr } = await run(requireProgram('bash'), ['-uc', ask, 'bash', script, ...line], {
      ...{ cwd: folder, env },
    });
    t.equal(stderr, '', line.join(' '));
    t.strictSame(
      offered.filter((word) => !stdout.split('\n').includes(word)),
      [],
      line.join(' '),
    );
  }
});

t.test('zsh completes the same', { skip: findProgram('zsh') ? false : 'zsh is not installed' }, async (t) => {
  const script = await scriptFor('zsh');
  // A shell in a terminal of its own, at which a person presses the key of tabulation twice.
  const ask = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; cd $2; autoload -Uz compinit; compinit -D -u; zstyle ':completion:*' list-prompt ''; source $1; unsetopt beep; PS1='READY>'"
read_until() { local piece all=; repeat 200; do zpty -rt shell piece && all+=$piece; [[ $all == *$1* ]] && break; sleep 0.02; done; print -r -- "$all"; }
read_until 'READY>' >/dev/null
zpty -wn shell "$3"$'\\t\\t'
sleep 1; repeat 50; do zpty -rt shell piece && print -rn -- "$piece"; sleep 0.02; done
zpty -d shell`;
  for (const [line, offered] of CASES) {
    const { stdout } = await run('zsh', ['-fc', ask, 'zsh', script, folder, line.join(' ')], { cwd: folder, env });
    t.strictSame(
      offered.filter((word) => !stdout.includes(word)),
      [],
      `${line.join(' ')}: ${JSON.stringify(stdout)}`,
    );
  }
});

t.test('another shell is refused by name', async (t) => {
  const { exitCode, stderr } = await run('npx', ['zx', 'tasks/completions.ts', 'fish'], { cwd: root });
  t.equal(exitCode, 2);
  t.match(stderr, /^error: cannot tell which shell is meant by "fish"\nhint: one of: bash, zsh$/m);
});
