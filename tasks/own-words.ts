/** The verbs that the agent of a host has; the others are control's alone. */
const AGENT_VERBS: ReadonlySet<string> = new Set([
  'backup',
  'check',
  'drill',
  'keys',
  'list',
  'prune',
  'restore',
  'validate',
  'verify',
]);

/** How a task is called from here: from a checkout, or by the launcher of a release, which says so. */
export function commandOf(verb: string): string {
  return process.env.COFFRE_COMMAND ? `coffre ${verb}` : `npx zx tasks/${verb}.ts`;
}

/** What a text tells somebody to run, in the words of the place where it is read: a host has no checkout. */
export function inOwnWords(text: string): string {
  return text.replace(/npx zx tasks\/([a-z-]+)\.ts/g, (command, verb: string) =>
    AGENT_VERBS.has(verb) ? commandOf(verb) : command,
  );
}
