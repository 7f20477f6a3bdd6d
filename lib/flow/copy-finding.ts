import { asCoffreError } from '../model/error.ts';

/** What is wrong with a file of a copy. `why` completes the name, as in `crm.tar.gz.enc is missing`. */
export interface CopyFinding {
  readonly file: string;
  readonly why: string;
}

/** What `read` returns. What cannot be a file of a run, such as a folder in its place, is a finding; all else is thrown. */
export async function orFinding<T>(file: string, read: () => Promise<T>): Promise<T | CopyFinding> {
  try {
    return await read();
  } catch (error) {
    const { code, message } = asCoffreError(error);
    if (code !== 'verification-failed') throw error;
    return { file, why: `is not usable: ${message}` };
  }
}
