/**
 * Keeps Node from writing a report when this process crashes, whatever NODE_OPTIONS asks for: it would hold the environment, and
 * in a workflow that has a token. https://nodejs.org/api/report.html
 */
export function leaveNoReport(): void {
  const none = { reportOnFatalError: false, reportOnSignal: false, reportOnUncaughtException: false, excludeEnv: true };
  Object.assign(process.report ?? {}, none);
}
