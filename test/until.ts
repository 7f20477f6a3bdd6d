const LOOK_MS = 25;

/** Waits for what becomes true sooner or later, however busy the machine is. Throws when it never does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  for (const giveUpAt = Date.now() + limitMs; !(await holds()); await new Promise((wake) => setTimeout(wake, LOOK_MS)))
    if (Date.now() > giveUpAt) throw new Error(`cannot wait any longer until ${what}`);
}
