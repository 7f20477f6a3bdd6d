import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { encodeDrill, encodeHostRecord, encodeManifest } from '../lib/audit/canonical.ts';
import { GIT_ATTRIBUTES } from '../lib/audit/git-attributes.ts';
import { factsOf, type SignedRecord } from '../lib/audit/signed-record.ts';
import { FORMAT_DOCUMENT, formatDocument } from '../lib/flow/format-document.ts';
import { jsonSchemas, RECORD_SCHEMA } from '../lib/inventory/json-schema.ts';
import { run } from '../lib/system/command.ts';
import { findProgram, type Program, packageOf } from '../lib/system/programs.ts';
import { drillChain, drillOf } from './fixture/drill-record.ts';
import { hostChain, hostRecordsOf } from './fixture/host-record.ts';
import { manifestOf } from './fixture/manifest.ts';
import { signerOf } from './fixture/signer.ts';
import { smallRun } from './fixture/small-run.ts';
import { temporaryFolder } from './temporary.ts';

/*
 * The document of the format is what another program is written by: its tables are those of the code, and its commands are run
 * here, in a shell that has bash's own words, ssh-keygen, jq and sha256sum, and nothing else.
 */

t.setTimeout(120_000);
const { path: folder, remove } = temporaryFolder();
t.teardown(remove);
const text = readFileSync(new URL(`../${FORMAT_DOCUMENT}`, import.meta.url), 'utf8');

t.test('its tables are those of the code: npm run schema', async (t) => {
  t.equal(text, formatDocument(text));
});

const schema = JSON.parse(jsonSchemas().get(RECORD_SCHEMA) ?? '') as { $defs: Record<string, unknown> };

const AT = new Date('2026-11-22T04:00:00Z');
const records = {
  backup: manifestOf('db1', AT),
  drill: drillOf('drill1', 'db1', AT, AT),
  ...hostRecordsOf('db1', AT),
};

t.test('the published schema takes every kind of record, and no field more or less', async (t) => {
  const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true } });
  const valid = ajv.compile(schema);
  t.strictSame(Object.keys(schema.$defs).sort(), Object.keys(records).sort());
  for (const [kind, record] of Object.entries(records)) {
    const bytes = Buffer.from(JSON.stringify(record));
    t.ok(valid(JSON.parse(bytes.toString())), `${kind}: ${ajv.errorsText(valid.errors)}`);
    t.notOk(valid({ ...record, hoax: 1 }), `${kind} with a field more`);
    for (const field of Object.keys(record)) {
      const { [field as keyof typeof record]: _, ...less } = record;
      t.notOk(valid(less), `${kind} without ${field}`);
    }
  }
  t.ok(encodeManifest(records.backup) && encodeDrill(records.drill) && encodeHostRecord(records.verify));
});

/** The commands of the document with this mark, as one script. */
function commands(mark: string): string {
  const blocks = [...text.matchAll(/```(\S+)\n([\s\S]*?)```/g)].filter(([, language]) => language === mark);
  return blocks.map(([, , block]) => block).join('\n');
}

/** A folder with these programs and no others. */
function onlyPrograms(name: string, programs: readonly string[]): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const program of programs) {
    const found = findProgram(program as Program);
    if (found) symlinkSync(found, join(path, program));
  }
  return path;
}

const bash = findProgram('bash') ?? '';
const skip = findProgram('jq') === undefined && `jq is not there: apt-get install ${packageOf('jq')}`;

/** The script as a person types it, in `cwd`; the first word that fails ends it. */
async function shell(script: string, cwd: string, variables: Readonly<Record<string, string>>, path: string) {
  const env = Object.entries({ PATH: path, ...variables }).map(([key, value]) => `${key}=${value}`);
  const words = ['-i', ...env, bash, '--noprofile', '--norc', '-eu', '-o', 'pipefail', '-c', script];
  return await run('/usr/bin/env', words, { cwd, timeoutMs: 60_000 });
}

/** A clone in which db1 has records of all kinds, and two drillers have drilled it. */
async function cloneOf(name: string) {
  const clone = join(folder, name);
  const [db1, drill1] = [await signerOf(t, 'db1'), await signerOf(t, 'drill1')];
  const chain = hostChain(db1);
  const later = (minutes: number) => new Date(AT.getTime() + minutes * 60_000);
  const signed: SignedRecord[] = [
    await chain.record('provision', later(-60)),
    await chain.run(AT),
    await chain.record('verify', later(60)),
    await chain.record('prune', later(61)),
    await chain.record('key-rotation', later(62)),
    await chain.newer('fire-drill', later(63)),
    await drillChain(drill1, 'db1')(later(120), AT),
  ];
  const put = (path: string, content: Buffer | string) => {
    mkdirSync(dirname(join(clone, path)), { recursive: true });
    writeFileSync(join(clone, path), content);
  };
  for (const each of signed) {
    put(factsOf(each).path, each.bytes);
    put(`${factsOf(each).path}.sig`, each.signature);
  }
  const signers = join(folder, `${name}.signers`);
  writeFileSync(signers, db1.line + drill1.line);
  return { clone, signers, chain, put, paths: signed.map((each) => factsOf(each).path) };
}

t.test('its commands prove a record and the chain with ssh-keygen, jq and sha256sum alone', { skip }, async (t) => {
  const path = onlyPrograms('programs', ['ssh-keygen', 'jq', 'sha256sum']);
  const { clone, signers, put, paths } = await cloneOf('clone');
  const script = commands('sh');
  const check = (variables: Readonly<Record<string, string>> = {}) =>
    shell(script, clone, { SIGNERS: signers, ...variables }, path);
  const good = await check();
  t.equal(good.exitCode, 0, good.stdout + good.stderr);
  t.equal(good.stdout.match(/^Good "coffre-manifest" signature for db1 /gm)?.length, 7, 'one, and six of the chain');
  t.match(good.stdout, /^Good "coffre-manifest" signature for drill1 /m);
  t.match(good.stdout, /"run": "2026-11-22T040000Z",\n {2}"copies"/);
  for (const record of paths.slice(0, -1)) {
    const { exitCode, stdout, stderr } = await check({ RECORD: record });
    t.equal(exitCode, 0, `${record}: ${stdout}${stderr}`);
  }
  const lines = readFileSync(signers, 'utf8');
  const until = (time: string) =>
    writeFileSync(signers, lines.replaceAll('"coffre-manifest"', `"coffre-manifest",valid-before="${time}"`));
  until('20261122080000Z');
  t.equal((await check()).exitCode, 0, 'a key that was exchanged later was good then');
  until('20261122030000Z');
  t.not((await check()).exitCode, 0, 'a key that was exchanged before was not');
  writeFileSync(signers, lines);
  const whole = join(folder, 'whole');
  cpSync(clone, whole, { recursive: true });
  const [provision = '', manifest = '', verify = ''] = paths;
  const content = (record: string) => readFileSync(join(whole, record), 'utf8');
  const attacks: Readonly<Record<string, () => void>> = {
    'an edited record': () => put(manifest, content(manifest).replace('"tables":3', '"tables":2')),
    'another spelling of it': () => put(manifest, `${content(manifest)}\n`),
    'an edited record that is not the one which is looked at': () =>
      put(verify, content(verify).replace('"findings":0', '"findings":1')),
    'a removed record': () => rmSync(join(clone, verify)),
    'a removed record with its signature': () => {
      for (const suffix of ['', '.sig']) rmSync(join(clone, `${provision}${suffix}`));
    },
    'a record in the place of another': () => {
      for (const suffix of ['', '.sig']) cpSync(join(clone, `${verify}${suffix}`), join(clone, `${manifest}${suffix}`));
    },
    'a drill of another driller': () => {
      const drill = paths.at(-1) ?? '';
      for (const suffix of ['', '.sig'])
        cpSync(join(clone, `${drill}${suffix}`), join(clone, `${drill.replace('drill1', 'drill2')}${suffix}`));
    },
  };
  for (const [name, act] of Object.entries(attacks)) {
    act();
    const ended = await check();
    t.not(ended.exitCode, 0, `${name}: ${ended.stdout}`);
    rmSync(clone, { recursive: true });
    cpSync(whole, clone, { recursive: true });
  }
  t.equal((await check()).exitCode, 0, 'and all is well again');
});

t.test('its commands prove the copy of a run', { skip }, async (t) => {
  const path = onlyPrograms('programs-of-a-run', ['ssh-keygen', 'jq', 'sha256sum', 'dd']);
  const signer = await signerOf(t, 'db1');
  const { write } = await smallRun(signer, AT);
  const run = await write(join(folder, 'store'), 'store');
  const signers = join(folder, 'run.signers');
  writeFileSync(signers, signer.line);
  const check = () => shell(commands('sh-run'), run, { HOST: 'db1', SIGNERS: signers }, path);
  const good = await check();
  t.equal(good.exitCode, 0, good.stdout + good.stderr);
  for (const file of ['shop.tar.gz.enc', 'SHA256SUMS', 'manifest.json', 'company.key.enc', 'RECOVERY.txt']) {
    const content = readFileSync(join(run, file));
    const bad = Buffer.from(content);
    bad[20] = (bad[20] ?? 0) ^ 1;
    writeFileSync(join(run, file), bad);
    t.not((await check()).exitCode, 0, file);
    writeFileSync(join(run, file), content);
  }
  const sealed = join(run, 'shop.tar.gz.enc');
  const content = readFileSync(sealed);
  const segment = commands('sh-run').slice(commands('sh-run').indexOf('FILE='));
  for (const [at, isGood] of [
    [0, true],
    [2.5 * 65536, false],
  ] as const) {
    const bad = Buffer.from(content);
    bad[at] = (bad[at] ?? 0) ^ 1;
    writeFileSync(sealed, bad);
    const { exitCode } = await shell(segment, run, {}, path);
    t.equal(exitCode === 0, isGood, 'one segment says nothing of another');
  }
});

t.test('git shows a field a line, as it says, and the signed bytes stay as they are', { skip }, async (t) => {
  t.ok(text.includes(`\`\`\`gitattributes\n${GIT_ATTRIBUTES}\`\`\``));
  const { clone, put, paths, chain } = await cloneOf('readable');
  const env = { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
  const git = (...words: string[]) => execFileSync('git', words, { cwd: clone, encoding: 'utf8', env });
  git('init', '-q', '-b', 'main');
  for (const [key, value] of Object.entries({ 'user.name': 'x', 'user.email': 'x', 'core.autocrlf': 'true' }))
    git('config', key, value);
  put('.gitattributes', GIT_ATTRIBUTES);
  git('add', '-A');
  git('commit', '-qm', 'one');
  const next = await chain.run(new Date(AT.getTime() + 86_400_000));
  put(factsOf(next).path, next.bytes);
  put(`${factsOf(next).path}.sig`, next.signature);
  git('add', '-A');
  git('commit', '-qm', 'two');
  const show = () => git('--no-pager', 'show', 'HEAD');
  t.notMatch(show(), /^\+ {2}"outcome": "succeeded",$/m, 'one long line');
  execFileSync(bash, ['-eu', '-c', commands('sh-git')], { cwd: clone, env });
  t.match(show(), /^\+ {2}"outcome": "succeeded",$/m);
  t.match(show(), /^\+ {2}"sequence": 7,$/m);
  t.notMatch(show(), /SSH SIGNATURE/);
  const [, manifest = ''] = paths;
  const nights = git('--no-pager', 'diff', '--unified=0', `HEAD:${manifest}`, `HEAD:${factsOf(next).path}`);
  t.match(nights, /^- {2}"sequence": 2,\n/m);
  t.match(nights, /^\+ {2}"sequence": 7,\n/m);
  for (const path of [factsOf(next).path, `${factsOf(next).path}.sig`]) rmSync(join(clone, path));
  git('checkout', '-q', '--', '.');
  t.ok(readFileSync(join(clone, factsOf(next).path)).equals(next.bytes), 'checked out to the byte');
  t.ok(readFileSync(join(clone, `${factsOf(next).path}.sig`)).equals(next.signature), 'line ends too');
});
