import { userInfo } from 'node:os';

/** Whether a command can be run for this user over SSH. Accounts of services have a shell that only says no. */
export function hasLoginShell(): boolean {
  return !/\/(nologin|false)$/.test(userInfo().shell ?? '');
}
