import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';

const ROOT = new URL('../../', import.meta.url).pathname;
const sources = ['lib', 'tasks'].flatMap((folder) =>
  (readdirSync(`${ROOT}${folder}`, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);

/** Ways to a terminal, a log or a cron mail. */
const WAYS_OUT =
  /process\.(stdout|stderr)\.(write|end)\b|process\._rawDebug|\bconsole\.|pipe\(process\.|\bwriteSync\(\s*[12]\b|\.emitWarning\(/;

t.test('nothing but tasks/outlet.ts writes to the terminal, so that no text can get past the redactor', async (t) => {
  const writers = sources.filter((path) => WAYS_OUT.test(readFileSync(`${ROOT}${path}`, 'utf8')));
  t.strictSame(writers, ['tasks/outlet.ts']);
  const asking = sources.filter((path) => /output: process\.std/.test(readFileSync(`${ROOT}${path}`, 'utf8')));
  t.strictSame(asking, ['tasks/terminal.ts'], 'where a person is asked, the prompt is looked through');
});

t.test('what is said, asked and crashed with goes through it', async (t) => {
  const script = `
    import { learnSecret } from './lib/system/known-secrets.ts';
    import { runTask } from './tasks/run-task.ts';
    const secret = 'the "S3cret" of all';
    process.argv.push('probe', ...(process.env.WORDS ?? '').split(' ').filter(Boolean));
    await runTask({ verb: 'probe', usage: '', summary: 'probes', options: {}, examples: [], async run({ emit }) {
      learnSecret(secret);
      emit({ kind: 'note', subject: secret, text: 'note ' + encodeURIComponent(secret) });
      emit({ kind: 'warning', subject: 'x', text: Buffer.from('ab' + secret).toString('base64'), hint: secret });
      emit({ kind: 'plan', subject: 'x', plan: { host: 'x', changes: [{ action: 'create', kind: 'file', name: secret, lines: ['+' + secret] }], remarks: [] } });
      if (process.env.LATE) setTimeout(() => { throw new Error('late ' + secret, { cause: new Error(secret) }); }, 1);
      if (process.env.LATE) await new Promise((settle) => setTimeout(settle, 60_000));
      if (process.env.FAIL) throw Object.assign(new Error('failed with ' + secret), { secret });
      return { text: 'all done: ' + secret, data: { [secret]: [secret, { hint: 'npx zx tasks/list.ts ' + secret }] } };
    } });`;
  const said = (env: Record<string, string>) => {
    const words = ['--import=./lib/system/typescript.mjs', '--input-type=module', '--eval', script];
    try {
      return execFileSync('sh', ['-c', 'exec "$@" 2>&1', 'sh', process.execPath, ...words], {
        cwd: ROOT,
        env: { ...process.env, NODE_OPTIONS: '', ...env },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  const nights: readonly (readonly [string, Record<string, string>, RegExp])[] = [
    ['', {}, /all done: \[secret\]/],
    ['', { FAIL: '1', COFFRE_DEBUG: '1' }, /failed with \[secret\][\s\S]*\n {4}at /],
    ['', { LATE: '1', COFFRE_DEBUG: '1' }, /late \[secret\]/],
    ['--json', {}, /"\[secret\]":\["\[secret\]"/],
    ['--json', { LATE: '1' }, /"message":"late \[secret\]"/],
  ];
  for (const [words, env, end] of nights) {
    const text = said({ ...env, WORDS: words });
    const name = `${words} ${JSON.stringify(env)}: ${text}`;
    t.match(text, end, name);
    t.notMatch(text, /S3cret|UzNjcmV0|lMzY3JldCIgb2YgYWxs/, name);
    if (words === '--json') for (const line of text.trimEnd().split('\n')) JSON.parse(line);
  }
});
