/*
 * SSH's binary form (RFC 4251, section 5): a string is its length in four bytes, then itself. Keys, signatures and
 * SSHSIG are such strings one after another.
 */

/** All of `bytes` as strings; undefined when something is left over, or when they end too early. */
export function splitStrings(bytes: Buffer): readonly Buffer[] | undefined {
  const strings: Buffer[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < 4) return undefined;
    const end = offset + 4 + bytes.readUInt32BE(offset);
    if (end > bytes.length) return undefined;
    strings.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return strings;
}

/** `strings` one after another. */
export function joinStrings(strings: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(
    strings.flatMap((each) => {
      const content = typeof each === 'string' ? Buffer.from(each) : each;
      const length = Buffer.alloc(4);
      length.writeUInt32BE(content.length);
      return [length, content];
    }),
  );
}

/** The number of an `mpint` above zero, without the byte in front that keeps it positive; undefined unless it is in its one shortest form. */
export function unsignedOf(mpint: Buffer): Buffer | undefined {
  const [first = 0, second = 0] = mpint;
  if (mpint.length === 0 || first >= 0x80) return undefined;
  if (first !== 0) return mpint;
  return second >= 0x80 ? mpint.subarray(1) : undefined;
}
