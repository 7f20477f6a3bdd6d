import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { asCoffreError, CoffreError } from '../../lib/model/error.ts';
import { initPidOf, wordsInside } from './enter.ts';
import { downLab, type Lab, openLab } from './lab.ts';
import { STANDARD_LAB } from './standard-lab.ts';
import { startLab } from './start-lab.ts';
import { whyNoLab } from './why-no-lab.ts';

const USAGE =
  'usage: npm run lab -- up | down | status | shell HOST [COMMAND …]   (the lab is in COFFRE_LAB_FOLDER, or .lab)';

const folder = resolve(process.env.COFFRE_LAB_FOLDER ?? '.lab');
const say = (text: string) => process.stderr.write(`lab: ${text}\n`);

try {
  const args = process.argv.slice(process.argv.findIndex((word) => /lab-command(\.ts)?$/.test(word)) + 1);
  process.exitCode = await carryOut(args);
} catch (error) {
  const { message, hint, exitCode } = asCoffreError(error);
  process.stderr.write(`error: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`);
  process.exitCode = exitCode;
}

async function carryOut([verb, ...words]: readonly string[]): Promise<number> {
  switch (verb) {
    case 'up': {
      const reason = whyNoLab();
      if (reason !== undefined) throw new CoffreError('refused', `cannot start a lab: ${reason}`);
      const startedAt = Date.now();
      const lab = await startLab({ folder, hosts: STANDARD_LAB, keep: true, say });
      say(`up in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
      await show(lab);
      return 0;
    }
    case 'down':
      await downLab(folder);
      return 0;
    case 'status':
      await show(await openLab(folder));
      return 0;
    case 'shell': {
      const [name = '', ...command] = words;
      const { plan } = await openLab(folder);
      const terminal = [`TERM=${process.env.TERM ?? 'dumb'}`];
      const shell = command.length > 0 ? command : ['sh', '-c', 'cd; exec $(command -v bash || echo sh) -l'];
      const [program = '', ...args] = wordsInside(await initPidOf(plan.folder, name), shell, terminal);
      return spawnSync(program, args, { stdio: 'inherit' }).status ?? 1;
    }
    default:
      throw new CoffreError('usage', 'cannot read the command line', { hint: USAGE });
  }
}

async function show(lab: Lab): Promise<void> {
  const states = await Promise.all(lab.hosts.map(({ name }) => lab.isRunning(name)));
  const rows = lab.hosts.map(({ name, address, spec }, at) =>
    [name.padEnd(12), address.padEnd(14), states[at] ? 'up  ' : 'down', (spec.roles ?? []).join(' ')].join('  '),
  );
  process.stdout.write(`${rows.join('\n')}\n\nkey of control: ${lab.identityPath()}\n`);
}
