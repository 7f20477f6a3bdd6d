/** Variables of a crontab whose values are no secret. */
const KNOWN = new Set(['SHELL', 'PATH', 'HOME', 'LOGNAME', 'MAILTO', 'MAILFROM', 'TZ', 'CRON_TZ', 'LANG', 'LC_ALL']);

/**
 * Somebody's crontab, fit for a plan that others read: the values of unknown variables become dots, because people write
 * passwords there.
 */
export function hideCronValues(text: string): string {
  return text.replace(/^([ \t]*["']?([A-Za-z_]\w*)["']?[ \t]*=[ \t]*)(?=\S).*$/gm, (line, head, name) =>
    KNOWN.has(name) ? line : `${head}…`,
  );
}

/** The same for a unit of systemd, where variables and credentials are settings; lines of `ours` stay as they are. */
export function hideUnitValues(text: string, ours: string): string {
  const known = new Set(ours.split('\n'));
  return text.replace(/^([ \t]*(?:Environment|SetCredential\w*)[ \t]*=).*$/gm, (line, head) =>
    known.has(line) ? line : `${head}…`,
  );
}
