/**
 * Night by night a host's copies and recipients are the same: what looks the same as JSON is kept once, the first of them. For
 * values that nobody changes.
 */
export function sharer(): <T>(value: T) => T {
  const known = new Map<string, unknown>();
  return <T>(value: T): T => {
    const text = JSON.stringify(value);
    if (!known.has(text)) known.set(text, value);
    return known.get(text) as T;
  };
}
