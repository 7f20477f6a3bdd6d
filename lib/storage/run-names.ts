import { RunId } from '../model/run-id.ts';

/** Put last, and by that what makes a run complete where nothing can be renamed. */
export const MANIFEST_FILE = 'manifest.json';

/** The folder of a run while it is being written. Hidden, and no reader ever takes it for a run. */
export function partialName(run: RunId): string {
  return `.${run}.partial`;
}

/** The runs among the names of a folder, and those that were never finished; each sorted, which is by time. */
export function runsAmong(names: readonly string[]): {
  readonly complete: readonly RunId[];
  readonly partial: readonly RunId[];
} {
  const complete = names.flatMap((name) => RunId.safeParse(name).data ?? []);
  const partial = names.flatMap((name) => RunId.safeParse(/^\.(.*)\.partial$/.exec(name)?.[1]).data ?? []);
  return { complete: complete.sort(), partial: partial.sort() };
}

/** Names come from manifests and from foreign servers: none may lead out of the folder of its run. */
export function isFileName(name: string): boolean {
  return /^[A-Za-z0-9@%_~-][A-Za-z0-9@%._~-]{0,250}$/.test(name);
}

/** Throws for what only a mistake of ours can bring about. */
export function assertFileName(name: string): void {
  if (!isFileName(name)) throw new Error(`not the name of a file of a run: ${JSON.stringify(name)}`);
}
