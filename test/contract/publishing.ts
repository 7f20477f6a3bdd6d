import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { appendToChain } from '../../lib/audit/chain.ts';
import { readOutbox } from '../../lib/audit/outbox.ts';
import { publishOutbox } from '../../lib/audit/publish.ts';
import { readPublished } from '../../lib/audit/read-published.ts';
import { recoverHead } from '../../lib/audit/recover-head.ts';
import { signDrill } from '../../lib/audit/sign.ts';
import { factsOf } from '../../lib/audit/signed-record.ts';
import { sourceOf } from '../../lib/flow/audit-source.ts';
import type { AuditConfig } from '../../lib/model/audit-config.ts';
import type { HostName } from '../../lib/model/names.ts';
import { drillOf } from '../fixture/drill-record.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { type Signer, signerOf, temporaryFolder } from '../fixture/signer.ts';
import { until } from '../until.ts';

/** An audit repository of one kind, and what can befall it. */
export interface PublishingRemote {
  readonly audit: AuditConfig;
  readonly secretsFile: string;
  /** The branch `main` of an empty repository begins with so many commits besides. */
  readonly besides: number;
  /** The bare repository itself. */
  readonly bare: string;
  away(): Promise<unknown>;
  back(): Promise<unknown>;
  /** The branch moves once more, and whoever moved it never hears of it. */
  loseAnswer(): Promise<unknown>;
  /** The next publication waits for ever, right before the branch would move. `isWaiting` tells when it does. */
  stall(): Promise<{ isWaiting(): Promise<boolean>; release(): Promise<unknown> }>;
  /** From now on the rules of the repository forbid it to push to the branch. */
  protect(): Promise<unknown>;
  /** Throws when something was said that should not have been. */
  assertClean?(t: Test): void;
}

const CHILD = fileURLToPath(new URL('../fixture/publish-child.ts', import.meta.url));
const LOADER = fileURLToPath(new URL('../../lib/system/typescript.mjs', import.meta.url));
const clock = { now: () => new Date('2026-11-22T04:10:00Z') };
const day = (n: number) => new Date(Date.UTC(2026, 10, n, 4));
const pathOf = (host: string, n: number) => `manifests/${host}/2026/2026-11-${String(n).padStart(2, '0')}T040000Z.json`;

/** What every kind of audit repository must do. */
export function publishingContract(
  t: Test,
  kind: string,
  open: (t: Test) => Promise<PublishingRemote>,
  { quick = false } = {},
): void {
  /** What takes long is left to the suite. */
  const long: Test['test'] | (() => void) = quick ? () => undefined : t.test.bind(t);

  const world = async (test: Test) => {
    const remote = await open(test);
    const { audit, secretsFile, bare } = remote;
    const git = (...words: string[]) => gitAt(bare, ...words);
    const optionsOf = ({ stateFolder, host }: Signer) => ({ audit, secretsFile, stateFolder, host, secondMs: 10 });
    return {
      remote,
      git,
      optionsOf,
      append: (signer: Signer, n: number) =>
        appendToChain(
          signer.stateFolder,
          () =>
            recoverHead({
              ...{ audit, secretsFile, stateFolder: signer.stateFolder },
              chain: { of: 'manifests', host: signer.host },
            }),
          (link) => signer.sign(manifestOf(signer.host, day(n), link)),
        ),
      publish: (signer: Signer, changes = {}) => publishOutbox({ ...optionsOf(signer), clock, ...changes }),
      files: () =>
        git('ls-tree', '-r', '--name-only', 'main')
          .trim()
          .split('\n')
          .filter((path) => !/^README/.test(path)),
      commits: () => Number(git('rev-list', '--count', 'main')) - remote.besides,
    };
  };

  t.test(`${kind}: an empty repository takes the exact bytes, and a second night comes on top`, async (t) => {
    const { remote, git, append, publish, files, commits } = await world(t);
    const signer = await signerOf(t, 'db1');
    const one = await append(signer, 1);
    t.match(await publish(signer), { kind: 'published', count: 1, commit: /^[0-9a-f]{40}$/, tampered: [] });
    await append(signer, 2);
    const two = await publish(signer);
    t.match(two, { kind: 'published', count: 1, tampered: [] });
    const path = pathOf('db1', 1);
    t.strictSame(files(), [path, `${path}.sig`, pathOf('db1', 2), `${pathOf('db1', 2)}.sig`]);
    t.equal(git('show', `main:${path}`), one.bytes.toString());
    t.equal(git('show', `main:${path}.sig`), one.signature.toString());
    t.equal(commits(), 2, 'a record and its signature come in one commit');
    t.equal(git('rev-parse', 'main').trim(), two.kind === 'published' && two.commit);
    t.equal(
      git('log', '-1', '--format=%an|%ae|%cI|%s', 'main').trim(),
      'coffre db1|coffre@db1|2026-11-22T04:10:00+00:00|db1 2026-11-02T040000Z succeeded',
    );
    t.strictSame(await readOutbox(signer.stateFolder), []);
    t.match(await publish(signer), { kind: 'published', count: 0, commit: null });
    remote.assertClean?.(t);
  });

  t.test(`${kind}: what could not be published is owed, and comes in order, in one commit`, async (t) => {
    const { remote, git, append, publish, files, commits } = await world(t);
    const signer = await signerOf(t, 'db1');
    await append(signer, 1);
    await publish(signer);
    await remote.away();
    for (const n of [2, 3, 4]) {
      await append(signer, n);
      t.match(await publish(signer, { timeoutMs: 2000 }), {
        kind: 'owed',
        count: n - 1,
        error: { code: 'audit-unreachable', hint: /./ },
      });
    }
    t.strictSame(
      (await readOutbox(signer.stateFolder)).map((signed) => factsOf(signed).sequence),
      [2, 3, 4],
    );
    await remote.back();
    t.match(await publish(signer), { kind: 'published', count: 3, tampered: [] });
    t.equal(commits(), 2);
    t.equal(files().length, 8);
    t.equal(
      git('log', '-1', '--format=%B', 'main').trim(),
      'db1 2026-11-04T040000Z succeeded\n\ndb1 2026-11-02T040000Z succeeded\ndb1 2026-11-03T040000Z succeeded',
    );
    remote.assertClean?.(t);
  });

  long(`${kind}: a host and a driller with two chains publish at one moment, and nothing is lost`, async (t) => {
    const { remote, optionsOf, append, publish, files, commits } = await world(t);
    const [db1, drill1] = [await signerOf(t, 'db1'), await signerOf(t, 'drill1')];
    const drilled = (name: string, hour: number) => {
      const host = name as HostName;
      const stateFolder = join(drill1.stateFolder, 'drills', name);
      const at = (hours: number) => new Date(Date.UTC(2026, 10, 20, hours, 0, 1));
      const chain = { of: 'drills', host, driller: drill1.host } as const;
      return {
        append: () =>
          appendToChain(
            stateFolder,
            () => recoverHead({ ...optionsOf(drill1), chain }),
            (link) => signDrill(drillOf(drill1.host, host, at(hour), at(hour - 1), link), drill1.stateFolder),
          ),
        publish: () =>
          publishOutbox({
            ...{ ...optionsOf(drill1), cloneFolder: drill1.stateFolder, stateFolder, clock },
            ...{ host, driller: drill1.host },
          }),
      };
    };
    for (const n of [1, 2]) {
      const chains = [drilled('db1', 8 + n), drilled('db2', 8 + n)];
      await append(db1, n);
      for (const each of chains) await each.append();
      const done = await Promise.all([publish(db1), ...chains.map((each) => each.publish())]);
      t.strictSame(
        done.map((each) => (each.kind === 'published' ? each.count : each.error)),
        [1, 1, 1],
      );
    }
    t.equal(commits(), 6);
    t.strictSame(
      files().filter((path) => path.endsWith('.json')),
      [
        ...['db1', 'db2'].flatMap((host) => [
          `drills/${host}/2026/2026-11-20T090001Z-drill1.json`,
          `drills/${host}/2026/2026-11-20T100001Z-drill1.json`,
        ]),
        ...[pathOf('db1', 1), pathOf('db1', 2)],
      ],
    );
    remote.assertClean?.(t);
  });

  long(`${kind}: eight hosts that publish at one moment all land`, async (t) => {
    const { remote, append, publish, files, commits } = await world(t);
    const signers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => signerOf(t, `db${n}`)));
    for (const signer of signers) await append(signer, 1);
    const done = await Promise.all(signers.map((signer) => publish(signer)));
    t.strictSame(
      done.map((each) => (each.kind === 'published' ? each.count : each.error)),
      signers.map(() => 1),
    );
    t.equal(commits(), 8);
    t.equal(files().length, 16);
    remote.assertClean?.(t);
  });

  t.test(`${kind}: the branch moved, and the answer was lost: published once, and no fork`, async (t) => {
    const { remote, append, publish, files, commits } = await world(t);
    const signer = await signerOf(t, 'db1');
    await append(signer, 1);
    await publish(signer);
    await remote.loseAnswer();
    await append(signer, 2);
    await publish(signer);
    t.equal(commits(), 2, 'it is there');
    await append(signer, 3);
    t.match(await publish(signer), { kind: 'published', tampered: [] });
    t.equal(commits(), 3);
    t.equal(files().length, 6);
    t.strictSame(await readOutbox(signer.stateFolder), []);
    remote.assertClean?.(t);
  });

  t.test(`${kind}: what is there already, after a kill, is not published again`, async (t) => {
    const { append, publish, commits } = await world(t);
    const signer = await signerOf(t, 'db1');
    await append(signer, 1);
    const at = (name: string) => join(signer.stateFolder, name);
    await cp(at('outbox'), at('kept'), { recursive: true });
    await publish(signer);
    await rm(at('outbox'), { recursive: true });
    await rename(at('kept'), at('outbox'));
    t.match(await publish(signer), { kind: 'published', count: 1, tampered: [] });
    t.equal(commits(), 1);
  });

  t.test(`${kind}: a history that was cut back by force is seen, and what it lost is put back`, async (t) => {
    const { remote, git, append, publish, files } = await world(t);
    const signer = await signerOf(t, 'db1');
    for (const n of [1, 2]) {
      await append(signer, n);
      await publish(signer);
    }
    git('update-ref', 'refs/heads/main', 'main~1');
    await append(signer, 3);
    const path = pathOf('db1', 2);
    t.match(await publish(signer), { kind: 'published', count: 1, tampered: [path, `${path}.sig`] });
    t.equal(files().length, 6);
    await append(signer, 4);
    t.match(await publish(signer), { kind: 'published', tampered: { length: 0 } }, 'it is told once');
    remote.assertClean?.(t);
  });

  t.test(`${kind}: a record that somebody removed, and one that somebody changed, are seen`, async (t) => {
    const { remote, append, publish, files } = await world(t);
    const signer = await signerOf(t, 'db1');
    for (const n of [1, 2]) await append(signer, n);
    await publish(signer);
    await meddle(t, remote, (folder) => rm(join(folder, pathOf('db1', 1))));
    await append(signer, 3);
    t.match(await publish(signer), { kind: 'published', tampered: [pathOf('db1', 1)] });
    t.equal(files().length, 6);
    await meddle(t, remote, (folder) => cp(join(folder, pathOf('db1', 1)), join(folder, pathOf('db1', 2))));
    await append(signer, 4);
    t.match(await publish(signer), { kind: 'published', tampered: [pathOf('db1', 2)], squatted: { length: 0 } });
    remote.assertClean?.(t);
  });

  t.test(`${kind}: a file that stands in the place of the next record is told, and replaced`, async (t) => {
    const { remote, append, publish } = await world(t);
    const signer = await signerOf(t, 'db1');
    await append(signer, 1);
    t.match(await publish(signer), { kind: 'published', squatted: { length: 0 } });
    await append(signer, 2);
    await meddle(t, remote, (folder) => cp(join(folder, pathOf('db1', 1)), join(folder, pathOf('db1', 2))));
    t.match(await publish(signer), { tampered: { length: 0 }, squatted: [pathOf('db1', 2)] });
    await append(signer, 3);
    t.match(await publish(signer), { tampered: { length: 0 }, squatted: { length: 0 } }, 'it is told once');
    remote.assertClean?.(t);
  });

  long(`${kind}: a host made anew goes on with its chain, and one that forgot it forks nothing`, async (t) => {
    const { remote, append, publish, commits } = await world(t);
    const signer = await signerOf(t, 'db1');
    for (const n of [1, 2]) await append(signer, n);
    await publish(signer);
    const anew = await signerOf(t, 'db1');
    const three = await append(anew, 3);
    t.match(three.manifest, { sequence: 3 });
    t.match(await publish(anew), { kind: 'published', tampered: [] });
    await append(anew, 4);
    t.match(await publish(anew), { kind: 'published', tampered: [] });

    const forgetful = await signerOf(t, 'db1');
    await appendToChain(
      forgetful.stateFolder,
      async () => undefined,
      (link) => forgetful.sign(manifestOf('db1', day(5), link)),
    );
    t.match(await publish(forgetful), {
      kind: 'owed',
      error: { code: 'verification-failed', hint: /chain.json/ },
    });
    t.equal(commits(), 3);
    remote.assertClean?.(t);
  });

  t.test(`${kind}: what is published is read back, with the same access`, async (t) => {
    const { remote, append, publish } = await world(t);
    const signer = await signerOf(t, 'db1');
    const signed = [await append(signer, 1), await append(signer, 2)];
    await publish(signer);
    const source = await sourceOf({ audit: remote.audit, secrets: { path: remote.secretsFile } });
    const read = await readPublished(source, signer.host);
    t.strictSame(
      read.map(({ bytes }) => bytes.toString()),
      signed.map(({ bytes }) => bytes.toString()),
    );
  });

  t.test(`${kind}: a branch that the rules protect is told as that, and the record stays owed`, async (t) => {
    const { remote, append, publish, commits } = await world(t);
    const signer = await signerOf(t, 'db1');
    await append(signer, 1);
    await publish(signer);
    await remote.protect();
    await append(signer, 2);
    const began = Date.now();
    t.match(await publish(signer), {
      kind: 'owed',
      count: 1,
      error: { code: 'refused', message: /cannot push to the branch main.*rules.*forbid/, hint: /push/ },
    });
    t.ok(Date.now() - began < 60_000, 'it does not try again and again');
    t.equal(commits(), 1);
    t.equal((await readOutbox(signer.stateFolder)).length, 1);
  });

  long(`${kind}: SIGKILL right before the branch moves leaves the outbox whole`, async (t) => {
    const { remote, optionsOf, append, publish, files, commits } = await world(t);
    const signer = await signerOf(t, 'db1');
    await append(signer, 1);
    await publish(signer);
    const stalled = await remote.stall();
    await append(signer, 2);
    const words = [`--import=${LOADER}`, CHILD, JSON.stringify(optionsOf(signer))];
    const child = spawn(process.execPath, words, { stdio: 'ignore' });
    const exited = once(child, 'exit');
    await until('the branch is about to move', stalled.isWaiting);
    child.kill('SIGKILL');
    await exited;
    await stalled.release();
    t.equal((await readOutbox(signer.stateFolder)).length, 1);
    await append(signer, 3);
    t.match(await publish(signer), { kind: 'published', count: 2, tampered: [] });
    t.equal(files().length, 6);
    t.ok(commits() <= 3, 'the killed one may have landed, and then nothing of it came twice');
  });
}

/** As somebody with every right would: commits what `change` does to a checkout, and pushes it. */
async function meddle(
  t: Test,
  { bare }: PublishingRemote,
  change: (folder: string) => Promise<unknown>,
): Promise<void> {
  const folder = join(await temporaryFolder(t), 'clone');
  gitAt('.', 'clone', '-q', '-b', 'main', bare, folder);
  await change(folder);
  gitAt(folder, 'add', '-A');
  gitAt(folder, '-c', 'user.name=x', '-c', 'user.email=x', 'commit', '-qm', 'x');
  gitAt(folder, 'push', '-qf', 'origin', 'HEAD:main');
}

function gitAt(folder: string, ...words: string[]): string {
  return execFileSync('git', ['-C', folder, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
