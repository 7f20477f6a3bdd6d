import { CoffreError } from '../model/error.ts';
import type { SftpOffsiteConfig } from '../model/offsite-config.ts';
import type { RunId } from '../model/run-id.ts';
import type { SftpLink } from './sftp-link.ts';

/** The folder of a host's runs on an SFTP server. */
export interface SftpPlace {
  readonly link: SftpLink;
  readonly root: string;
  /** For people. */
  readonly where: string;
  readonly manner: SftpOffsiteConfig['verify'];
  /** Sentences on what this server cannot do, as it is found out. */
  readonly weaknesses: Set<string>;
}

export function alreadyThere(where: string, run: RunId): CoffreError {
  return new CoffreError('refused', `cannot send the run ${run}: ${where} has it already`, {
    hint: 'a run is never sent over another; see what is there: npx zx tasks/list.ts --from offsite:<name>',
  });
}
