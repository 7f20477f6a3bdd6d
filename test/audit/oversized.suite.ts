import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { makeAuditHistory } from '../fixture/audit-history.ts';
import { bundleTasks } from '../fixture/bundle.ts';
import { highWaterMark } from '../fixture/high-water-mark.ts';
import { temporaryFolder } from '../fixture/signer.ts';

/** What is too large to be read, and what is larger than anything: neither takes the memory of the watchdog, nor its night. */

const folder = await temporaryFolder(t);
const { repository, inventory } = await makeAuditHistory({ folder, hosts: 1, nights: 10, now: new Date() });
const task = [join(await bundleTasks(), 'validate.mjs'), '--inventory', inventory, '--repository', repository];
const git = (words: readonly string[], input = '') =>
  execFileSync('git', ['-C', repository, ...words], { input, encoding: 'utf8' }).trim();
const good = git(['rev-parse', 'main']);

async function told(): Promise<{ exitCode: number | null; stdout: string; peakBytes: number }> {
  const child = spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, ...task], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let [stdout, peakBytes] = ['', 0];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const watch = setInterval(async () => {
    peakBytes = Math.max(peakBytes, await highWaterMark(child.pid));
  }, 25);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  clearInterval(watch);
  return { exitCode, stdout, peakBytes };
}

t.test('a file of a gigabyte in the place of a manifest is never read', async (t) => {
  const calm = await told();
  t.equal(calm.exitCode, 0, calm.stdout);
  const importing = spawn('git', ['-C', repository, '-c', 'core.compression=0', 'fast-import', '--quiet', '--force'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const bytes = 1024 ** 3;
  const path = 'manifests/db1/2026/2026-01-01T040007Z.json';
  const head = `commit refs/heads/main\ncommitter x <x@x> 1 +0000\ndata 1\nx\nfrom ${good}\nM 100644 inline ${path}\ndata ${bytes}\n`;
  importing.stdin.write(head);
  const block = Buffer.alloc(1024 * 1024, 32);
  for (let left = bytes; left > 0; left -= block.length)
    if (!importing.stdin.write(block)) await once(importing.stdin, 'drain');
  importing.stdin.end(`\nM 100644 inline ${path}.sig\ndata 1\nx\n`);
  await once(importing, 'close');
  const { exitCode, stdout, peakBytes } = await told();
  t.equal(exitCode, 5);
  t.match(stdout, /2026-01-01T040007Z\.json \(belongs\)\n {2}it is larger than a mebibyte/);
  t.comment(`peak ${Math.round(peakBytes / 1e6)} MB, and ${Math.round(calm.peakBytes / 1e6)} MB without it`);
  t.ok(peakBytes < calm.peakBytes + 50e6, `${peakBytes} and ${calm.peakBytes}`);
});

t.test('a tree of ten to the power of ten files, in some kilobytes, is not read to its end', async (t) => {
  let tree = git(['mktree', '-z'], entries('100644 blob', git(['hash-object', '-w', '--stdin'])));
  for (let depth = 0; depth < 9; depth += 1) tree = git(['mktree', '-z'], entries('040000 tree', tree));
  const root = git(['mktree', '-z'], `040000 tree ${tree}\tmanifests\0`);
  const who = ['-c', 'user.name=x', '-c', 'user.email=x'];
  git(['update-ref', 'refs/heads/main', git([...who, 'commit-tree', root, '-p', good, '-m', 'x'])]);
  const { exitCode, stdout, peakBytes } = await told();
  t.equal(exitCode, 5);
  t.match(stdout.replaceAll(/\s+/g, ' '), /it has more files than any number of hosts could have put there/);
  t.comment(`peak ${Math.round(peakBytes / 1e6)} MB`);
  t.ok(peakBytes < 400e6, `${peakBytes}`);
});

function entries(kind: string, object: string): string {
  return Array.from({ length: 10 }, (_, n) => `${kind} ${object}\t${n}\0`).join('');
}
