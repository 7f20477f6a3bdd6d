/** Variables of a crontab whose values are no secret. */
const KNOWN = new Set(['SHELL', 'PATH', 'HOME', 'LOGNAME', 'MAILTO', 'MAILFROM', 'TZ', 'CRON_TZ', 'LANG', 'LC_ALL']);

/**
 * The text of somebody's crontab or unit, fit for a plan that others read: the values of unknown variables are dots,
 * because people write passwords there. Lines that `ours` has too are left as they are.
 */
export function hideValues(text: string, ours = ''): string {
  const known = new Set(ours.split('\n'));
  return text
    .split('\n')
    .map((line) => (known.has(line) ? line : hideValue(line)))
    .join('\n');
}

function hideValue(line: string): string {
  const [, head = '', name = ''] =
    /^(\s*(?:Environment\s*=\s*)?["']?([A-Za-z_][A-Za-z0-9_]*)["']?\s*=\s*)\S/.exec(line) ?? [];
  if (name === '' || KNOWN.has(name)) return line;
  return `${head}…`;
}
