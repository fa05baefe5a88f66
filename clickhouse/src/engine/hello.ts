/**
 * clickhouse-go opens each HTTP connection with `SELECT displayName(), version(), revision(), timezone()` and reads the answer
 * as a Native block of protocol 54460, then everything else at the revision it was told. The engine writes Native blocks of
 * revision 0, so it is told 0.
 */
const HELLO =
  /^\s*select\s+displayName\(\)\s*,\s*version\(\)\s*,\s*revision\(\)\s*,\s*timezone\(\)\s*(format\s+native\s*)?;?\s*$/i;

export function isHello(sql: string): boolean {
  return HELLO.test(sql);
}

/** The one-row block, in the wire format of `protocolVersion` (only its parts since 51903 and 54454 matter here). */
export function helloBlock(
  server: { name: string; version: string; timezone: string },
  protocolVersion: number,
): Buffer {
  const parts: Buffer[] = [];
  // Block info: field 1 is_overflows, field 2 bucket_num −1, end. Since 51903.
  if (protocolVersion >= 51903) parts.push(Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]));
  parts.push(Buffer.from([4, 1])); // columns, rows
  const column = (name: string, type: string, value: Buffer) => {
    parts.push(text(name), text(type));
    if (protocolVersion >= 54454) parts.push(Buffer.from([0])); // no custom serialization
    parts.push(value);
  };
  column('displayName()', 'String', text(server.name));
  column('version()', 'String', text(server.version));
  column('revision()', 'UInt32', Buffer.alloc(4));
  column('timezone()', 'String', text(server.timezone));
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  const size: number[] = [];
  let left = bytes.length;
  for (; left >= 128; left >>>= 7) size.push((left & 127) | 128);
  size.push(left);
  return Buffer.concat([Buffer.from(size), bytes]);
}
