export { formatBytes } from '../model/format-bytes.ts';
export { formatDuration } from '../model/format-duration.ts';

/** How long ago: `5 min`, `3 h`, `2 days`. */
export function formatAge(ageMs: number): string {
  const minutes = Math.max(0, Math.round(ageMs / 60_000));
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
