/** Two kilobytes are usual, and a table with all the columns and partitions that there can be takes some megabytes. */
export const HEAD_LIMIT = 32 * 1024 * 1024;

/** The statements of a dump's preamble that set a variable, such as the character set and the time zone of all rows. */
export function settingsIn(preamble: readonly Buffer[]): readonly string[] {
  return (
    Buffer.concat(preamble)
      .toString('latin1')
      .match(/^\/\*M?!\d+ SET .*$/gm) ?? []
  );
}
