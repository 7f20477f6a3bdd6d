import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import t from 'tap';
import { CoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { sleep } from '../../lib/system/clock.ts';
import { run } from '../../lib/system/command.ts';
import { familyOf } from '../fixture/process-watch.ts';
import { provisionedWorld, whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { eventsOf } from '../fixture/task.ts';

/*
 * Bad days between control and a host: it cannot be reached, its shell talks, its disk is full, two operators are at it,
 * and either side is interrupted or killed. Each begins where the one before has left the host.
 */

t.setTimeout(300_000);

t.test('what can go wrong on the way', { skip: whyNoProvisioning() }, async (t) => {
  const world = await provisionedWorld(t);
  const { sshd } = world;
  const host = world.at('inventory/hosts/db1.yaml');
  const good = await readFile(host, 'utf8');
  /** The error of a run over a host that is another one in the inventory. */
  const errorWith = async (edit: Parameters<typeof world.change>[0], identity?: string) => {
    await world.change(edit);
    const outcome = await world.converge({}, identity === undefined ? {} : { identity });
    await writeFile(host, good);
    assert.ok(!outcome.ok, 'it must fail');
    return outcome.error;
  };

  await t.test('nobody answers, or somebody else does, or the key is not taken', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    const closed = await errorWith((host) => {
      host.ssh.port = port;
    });
    t.match(closed, { exitCode: 7, code: 'host-unreachable', hint: `ssh -v -p ${port}` });
    const other = readFileSync(world.at('contractor/sshd/host_ed25519.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    const forged = await errorWith((host) => {
      host.ssh.hostKey = other;
    });
    t.match(forged, { exitCode: 8, code: 'host-key', hint: 'ssh-keyscan' });
    const stranger = await errorWith(() => undefined, world.contractor.identityPath);
    t.match(stranger, { exitCode: 7, code: 'host-unreachable', hint: 'authorized_keys' });
    const unsaid = await errorWith((host) => {
      delete host.ssh;
    });
    t.match(unsaid, { exitCode: 2, code: 'inventory', hint: 'add ssh: ' });
  });

  await t.test('a login shell that talks is listened past, and one that is none is told', async (t) => {
    const keys = world.at('sshd/authorized_keys');
    const key = await readFile(keys, 'utf8');
    const shell = (script: string) => writeFile(keys, `command="${script}" ${key}`);
    await shell("echo 'This is a router. Type help.'");
    const { error } = (await world.converge({ apply: false })) as { error?: CoffreError };
    t.match(error, { exitCode: 7, code: 'host-unreachable', message: /POSIX shell/, hint: /getent passwd/ });
    const sftp = ['/usr/lib/openssh/sftp-server', '/usr/libexec/sftp-server'].find(existsSync);
    if (sftp) {
      await shell(
        `case $SSH_ORIGINAL_COMMAND in internal-sftp) exec ${sftp};; esac; echo Welcome; echo machine=pdp11; exec sh -c \\"$SSH_ORIGINAL_COMMAND\\"`,
      );
      t.match(await world.converge({ apply: false }), {
        ok: true,
        converged: { plan: { changes: { length: Number } } },
      });
    }
    await writeFile(keys, key);
  });

  await t.test(
    'the disk is full while the release is unpacked: nothing has its final name, and it is told',
    async (t) => {
      const prlimit = (bytes: string) => run('prlimit', ['--pid', `${sshd.pid}`, `--fsize=${bytes}`]);
      const { stdout } = await run('prlimit', [
        '--pid',
        `${sshd.pid}`,
        '--fsize',
        '--noheadings',
        '--raw',
        '--output',
        'HARD',
      ]);
      t.equal((await prlimit(`900000:${stdout.trim()}`)).exitCode, 0);
      const { error } = (await world.converge()) as { error?: CoffreError };
      await prlimit(`${stdout.trim()}:${stdout.trim()}`);
      t.match(error, { exitCode: 4, code: /no-space|write-failed/, hint: /df -h \/var\/tmp/ });
      t.notOk(existsSync(world.at('host')), 'nothing was made');
      t.strictSame(await world.uploads(), []);
    },
  );

  await t.test('Ctrl-C at several moments: the host stops after its step, and loses its upload', async (t) => {
    for (const [what, isNow] of [
      ['the upload', ({ kind, phase }) => kind === 'phase-started' && phase === 'send'],
      ['the release', ({ kind, subject }) => kind === 'phase-started' && /: release /.test(subject)],
      ['the account', ({ kind, subject }) => kind === 'phase-started' && /: account /.test(subject)],
    ] as [string, (event: FlowEvent & { phase?: string }) => boolean][]) {
      const control = new AbortController();
      const done: string[] = [];
      const outcome = await world.converge(
        {},
        {
          signal: control.signal,
          emit: (event) => {
            if (control.signal.aborted && event.kind === 'phase-ended') done.push(event.subject);
            if (isNow(event)) control.abort(new CoffreError('interrupted', 'provision was interrupted'));
          },
        },
      );
      t.match(outcome, { ok: false, error: { exitCode: 130 } }, what);
      t.ok(done.length <= 2, `${what}: at most what was under way is finished: ${done.join(', ')}`);
      t.strictSame(await agentsOf(sshd.pid, 0), [], `${what}: nobody is at work any more`);
      t.strictSame(await world.uploads(), [], `${what}: no upload is left`);
    }
    t.notOk(partials(world.at('host')).length, 'nothing is half-done');
  });

  await t.test('Ctrl-C of the task: exit code 130, and nothing is left', async (t) => {
    const interrupted = await world.provision(['db1', '--json'], {
      onEvent: ({ event }, { kill }) => {
        if (event === 'plan') kill('SIGINT');
      },
    });
    t.equal(interrupted.exitCode, 130, interrupted.stdout);
    t.match(eventsOf(interrupted).at(-1), { event: 'result', exitCode: 130, error: { code: 'interrupted' } });
    t.match(interrupted.stderr, /stopping: what is half-done is being taken away/);
    t.strictSame(agents(sshd.pid), []);
    t.strictSame(await world.uploads(), []);
  });

  await t.test('control is killed: the agent sees it, stops, and removes its upload', async (t) => {
    const killed = await world.provision(['db1', '--json'], {
      onEvent: ({ event }, { kill }) => {
        if (event === 'plan') kill('SIGKILL');
      },
    });
    t.equal(killed.exitCode, null, killed.stdout);
    t.strictSame(await agentsOf(sshd.pid, 15_000), []);
    t.strictSame(await world.uploads(), []);
  });

  await t.test('the agent is killed at work: the next run finishes', async (t) => {
    let struck = 0;
    const outcome = await world.converge(
      {},
      {
        emit: ({ kind }) => {
          if (kind !== 'plan') return;
          for (const pid of agents(sshd.pid)) {
            process.kill(pid, 'SIGKILL');
            struck += 1;
          }
        },
      },
    );
    t.equal(struck, 1);
    t.match(outcome, { ok: false, error: { code: /host-unreachable|unexpected/, hint: String } });
    t.strictSame(await world.uploads(), []);
  });

  await t.test('two operators at once: one may have to wait, and nothing breaks', async (t) => {
    t.equal((await world.converge({ desired: 'absent' })).ok, true);
    const outcomes = await Promise.all([world.converge(), world.converge()]);
    t.ok(
      outcomes.some(({ ok }) => ok),
      JSON.stringify(outcomes),
    );
    for (const outcome of outcomes) {
      if (!outcome.ok) t.match(outcome.error, { exitCode: 6, code: 'locked', hint: /wait for it/ });
    }
    t.match(await world.converge({ apply: false }), { ok: true, converged: { plan: { changes: { length: 0 } } } });
    t.strictSame(partials(world.folder), []);
    t.strictSame(await world.uploads(), []);
    const signers = readFileSync(world.at('inventory/signers/allowed_signers'), 'utf8');
    t.equal(signers.trim().split('\n').length, 1, 'one line for the host');
  });
});

/** The processes of agents that were started through this sshd. */
function agents(sshdPid: number): number[] {
  return familyOf(sshdPid).filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.some((word) => word.endsWith('verbs/converge.mjs')) && /node$/.test(words[0] ?? '');
    } catch {
      return false;
    }
  });
}

/** Those that are still there after up to so many milliseconds. */
async function agentsOf(sshdPid: number, patienceMs: number): Promise<number[]> {
  for (let waitedMs = 0; waitedMs < patienceMs && agents(sshdPid).length > 0; waitedMs += 100) await sleep(100);
  return agents(sshdPid);
}

function partials(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith('.partial'));
}
