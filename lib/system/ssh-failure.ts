import { CoffreError, type ErrorCode } from '../model/error.ts';

/** Who was to answer, and how it is called when nobody does. */
interface Asked {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly unreachable: ErrorCode;
  readonly signal?: AbortSignal;
}

/** Whether a connection failed that the server had taken already. */
export function hasBrokenOff(error: unknown): boolean {
  const { code, message = '' } = ((error as Error).cause ?? {}) as Error & { code?: string };
  return (
    (error instanceof CoffreError && error.code === 'offsite-unreachable' && code === 'ECONNRESET') ||
    /^(the connection was closed|Connection lost before handshake|No response from server)/.test(message)
  );
}

/** What ssh2 reports, as one of our errors. The one place that looks at its messages. */
export function sshFailure(target: Asked, error: unknown, wrongKey: boolean): CoffreError {
  if (error instanceof CoffreError) return error;
  const { user, address, port } = target;
  const { message, level } = error as Error & { level?: string };
  const where = `${user}@${address} port ${port}`;
  const say = (code: ErrorCode, why: string, hint: string) =>
    new CoffreError(code, `cannot reach ${where}: ${why}`, { hint, cause: error });
  if (target.signal?.aborted) return say('interrupted', 'interrupted', 'run it again');
  if (wrongKey || /no matching host key format/.test(message)) {
    const hint = `compare with the inventory, by another way than this network: ssh-keyscan -p ${port} ${address}`;
    return say('host-key', 'it does not show the pinned host key', hint);
  }
  if (/no matching (C->S|S->C|client|server|key exchange)/.test(message)) {
    const hint =
      'sshd_config over there needs one of: Ciphers aes128-gcm@openssh.com, aes128-ctr; MACs hmac-sha2-256-etm@openssh.com; KexAlgorithms curve25519-sha256';
    return say(target.unreachable, `it has only weak algorithms (${message})`, hint);
  }
  if (level === 'client-authentication') {
    return say(
      target.unreachable,
      'it does not accept the key',
      `put the public half of the identity into ${user}'s authorized_keys`,
    );
  }
  if (/^Cannot parse privateKey|does not contain a \(valid\) private key/.test(message)) {
    return say(
      target.unreachable,
      'the identity or its passphrase cannot be used',
      'try it with: ssh-keygen -y -f <identity>',
    );
  }
  return say(
    target.unreachable,
    message || 'the connection broke',
    `try it with: ssh -v -p ${port} ${user}@${address}`,
  );
}
