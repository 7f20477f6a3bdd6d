import type { FarEndCondition } from '../model/far-end.ts';
import type { Sftp } from '../system/sftp.ts';
import type { SftpProbe } from '../system/sftp-probe.ts';
import type { SshProbe } from '../system/ssh-probe.ts';

/** What must be so at the far end, in the order of the report. `hint` names the line of sshd_config, or the command. */
export const NEED = {
  reach: {
    says: 'it answers',
    hint: 'look at the address, the port and the firewall: ssh -v -p <port> <user>@<address>',
  },
  'host-key': {
    says: 'it shows the pinned host key',
    hint: 'compare with the inventory by another way than this network: ssh-keyscan -p <port> <address>',
  },
  password: {
    says: 'only a key is accepted',
    hint: 'sshd_config, in the Match block: AuthenticationMethods publickey',
  },
  login: {
    says: "it accepts the host's own key",
    hint: "put the host's key where sshd_config says: AuthorizedKeysFile /etc/ssh/authorized_keys/%u",
  },
  write: {
    says: 'a file is written, flushed, renamed, read back and removed',
    hint: 'the folder of the runs must belong to the account, with mode 0700, and have space; sshd_config must not deny what is used: ForceCommand internal-sftp -P …',
  },
  command: {
    says: 'no shell and no command',
    hint: 'sshd_config, in the Match block: ForceCommand internal-sftp, and PermitTTY no',
  },
  folder: {
    says: 'it cannot leave its folder',
    hint: 'sshd_config, in the Match block: ChrootDirectory /srv/coffre/%u',
  },
  forward: {
    says: 'no port and no socket is forwarded',
    hint: 'sshd_config, in the Match block: DisableForwarding yes',
  },
  others: {
    says: 'no other folder can be read',
    hint: 'sshd_config, in the Match block: ChrootDirectory, one for each account, and one account for each host',
  },
  closed: {
    says: 'nobody else there can read its folder',
    hint: 'on the server: chmod 0700 <the folder of the runs>',
  },
  keys: {
    says: 'it cannot change its own keys',
    hint: 'sshd_config, in the Match block: AuthorizedKeysFile /etc/ssh/authorized_keys/%u, which belongs to root',
  },
  offers: { says: 'what the server offers', hint: 'look at: sshd -T -C user=<user>,host=localhost,addr=127.0.0.1' },
} as const;

export type Need = keyof typeof NEED;

/** What a check of the far end says about one condition. */
export type FarEndAnswer = FarEndCondition & { readonly check: Need };

/** What a probe works with: everything is open, and `name` makes names that no other probe has. */
export interface Ground {
  readonly sftp: Sftp;
  readonly touch: SftpProbe;
  readonly ssh: SshProbe;
  readonly path: string;
  readonly others: readonly string[];
  readonly port: number;
  readonly appendOnly: boolean;
  readonly name: (what: string) => string;
}

/** What a probe found: undefined `fault` is as it should be. */
export interface Verdict {
  readonly fault?: string;
  readonly detail: string;
  /** Instead of what stands in NEED. */
  readonly says?: string;
  readonly hint?: string;
}
