import { createCipheriv } from 'node:crypto';
import type { Algorithms } from 'ssh2';

/*
 * What is offered to a server, and no more: nothing with SHA-1, MD5, CBC, or a group below 2048 bits, whatever ssh2 would
 * take by default. A server that has none of these is refused in the handshake.
 */
const AES = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'] as const;
const CHACHA = ['chacha20-poly1305@openssh.com'] as const;
const AES_CTR = ['aes128-ctr', 'aes256-ctr'] as const;

const MACS = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
] as const;

const SAMPLE = Buffer.alloc(512 * 1024);
/** ChaCha20 is worth its detour through another library only where AES is really slow: on a processor without instructions for it. */
const MUCH_FASTER = 2;

let chosen: NonNullable<Algorithms['cipher']> | undefined;

/** Strong algorithms, the fastest cipher of this machine first: measured once, in about a millisecond. */
export function strongAlgorithms(): Algorithms {
  chosen ??= isAesSlow() ? [...CHACHA, ...AES, ...AES_CTR] : [...AES, ...CHACHA, ...AES_CTR];
  return { cipher: chosen, hmac: [...MACS] };
}

function isAesSlow(): boolean {
  const aesMs = fastest(() => createCipheriv('aes-128-gcm', SAMPLE.subarray(0, 16), SAMPLE.subarray(0, 12)));
  const chachaMs = fastest(() =>
    createCipheriv('chacha20-poly1305', SAMPLE.subarray(0, 32), SAMPLE.subarray(0, 12), { authTagLength: 16 }),
  );
  return aesMs > chachaMs * MUCH_FASTER;
}

/** Of three: what disturbs a measurement only makes it longer. */
function fastest(cipher: () => { update(data: Buffer): Buffer }): number {
  const times = [1, 2, 3].map(() => {
    const one = cipher();
    const from = performance.now();
    one.update(SAMPLE);
    return performance.now() - from;
  });
  return Math.min(...times);
}
