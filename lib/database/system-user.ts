import { CoffreError } from '../model/error.ts';
import type { Remark, Resource } from '../model/plan.ts';
import { run } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';
import { assertUserName, findSystemUser, processUser } from '../system/users.ts';
import type { AccountHost } from './account-options.ts';

const SHELL = '/usr/sbin/nologin';

/**
 * The system user whom the server lets in without a password: it owns nothing, has no home, and nobody can log in as it.
 * Undefined where none is needed: with a password, and where this process runs as that user. One that is there already
 * stays as it is. `apply` throws `refused` when this process may not make users.
 */
export function systemUser({ database }: AccountHost): Resource | undefined {
  const { user: name, login } = database.account;
  if (login !== 'unix_socket' || name === processUser()) return undefined;
  assertUserName(name);
  const identity = { kind: 'user', name } as const;
  return {
    ...identity,
    async inspect() {
      if (await findSystemUser(name)) return undefined;
      return { ...identity, action: 'create', lines: [`+${name}: a system user, no home, shell ${SHELL}`] };
    },
    async apply() {
      if (await findSystemUser(name)) return;
      if (process.geteuid?.() !== 0) throw cannotMake(name, 'this is not root');
      const options = ['--system', '--no-create-home', '--shell', SHELL, '--user-group'];
      const { exitCode } = await run(requireProgram('useradd'), [...options, '--', name]);
      // Another provisioning may have been quicker.
      if (exitCode !== 0 && !(await findSystemUser(name))) throw cannotMake(name, `useradd gave exit code ${exitCode}`);
    },
  };
}

function cannotMake(name: string, why: string): CoffreError {
  return new CoffreError('refused', `cannot make the system user ${name}: ${why}`, {
    hint: `run as root: useradd --system --no-create-home --shell ${SHELL} --user-group ${name}`,
  });
}

/** What to say of the system user when a host is taken away. It stays: files may belong to it by now. */
export async function systemUserRemark(host: AccountHost): Promise<Remark | undefined> {
  const resource = systemUser(host);
  if (!resource || !(await findSystemUser(resource.name))) return undefined;
  return {
    text: `the system user ${resource.name} stays, because it may have been there before, and may own files`,
    hint: `if nothing else needs it: userdel ${resource.name}`,
  };
}
