import { join } from 'node:path';
import { CoffreError } from '../../lib/model/error.ts';

/**
 * What a host is beside a machine with sshd: `database` runs mariadbd, `cron` Debian's cron daemon, `gluster` glusterd
 * with a brick of the one replicated volume of all hosts that have this role, mounted at /mnt/data; `git` serves
 * repositories to the user git over SSH, `contractor` chrooted folders over SFTP and nothing else.
 */
export type LabRole = 'database' | 'cron' | 'gluster' | 'git' | 'contractor';

/** An ordinary account that control's key opens, and what sudo lets it do. */
export interface LabOperator {
  readonly name: string;
  readonly sudo: 'without-password' | 'with-password' | 'none';
}

export interface LabHostSpec {
  readonly name: string;
  readonly roles?: readonly LabRole[];
  /** The host whose database this one replicates. Both have the role `database`. */
  readonly replicaOf?: string;
  /** A folder with a program `node`, which goes to /usr/local/bin. Without it the host has no Node. */
  readonly node?: string;
  /** Programs that this host lacks, such as `bash`. */
  readonly without?: readonly string[];
  readonly operators?: readonly LabOperator[];
}

/** A host as it stands in the lab, running or not. */
export interface LabHost {
  readonly name: string;
  readonly address: string;
  readonly port: 22;
  readonly user: 'root';
  /** As an inventory pins it: type and base64. */
  readonly hostKey: string;
  readonly spec: LabHostSpec;
  /** Server id, and the last part of address and MAC address. */
  readonly number: number;
}

/** All of a lab that does not change while it is up; kept in lab.json of its folder. */
export interface LabPlan {
  readonly folder: string;
  /** The link to the lab in the machine's own network namespace. */
  readonly link: string;
  /** Network of the hosts in CIDR form, and where control stands in it. */
  readonly network: string;
  readonly controlAddress: string;
  readonly hosts: readonly LabHost[];
}

/** The customers of a contractor, each with a chroot of its own and a key of its own. */
export const CUSTOMERS = ['acme', 'globex'] as const;

/** Where the lab keeps what belongs to it. A host's `folder` holds its overlay. */
export function pathsOf(folder: string) {
  const host = (name: string) => join(folder, 'hosts', name);
  return {
    plan: join(folder, 'lab.json'),
    holder: join(folder, 'holder.process.json'),
    control: join(folder, 'control'),
    /** Private key for root, operators and git; a customer of the contractor has one of its own. */
    identity: (user: string = 'root') => join(folder, 'control', `${user}_ed25519`),
    hosts: join(folder, 'hosts'),
    host,
    upper: (name: string) => join(host(name), 'upper'),
    disk: (name: string) => join(host(name), 'disk'),
    init: (name: string) => join(host(name), 'init.process.json'),
  };
}

export function hostOf(plan: LabPlan, name: string): LabHost {
  const host = plan.hosts.find((one) => one.name === name);
  if (host) return host;
  throw new CoffreError('not-found', `cannot find the lab host ${name}`, {
    hint: `there are: ${plan.hosts.map((one) => one.name).join(', ')}`,
  });
}
