import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';

export interface Address {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface Answer {
  readonly status: number;
  readonly encoding: string | undefined;
  readonly body: Buffer;
}

/**
 * One request as clickhouse-go 2.47 sends it over HTTP for Grafana's plugin 4.20 (conn_http.go, conn_http_query.go, the plugin's
 * driver.go): POST, Basic authentication, gzip by Accept-Encoding, Native at the client's protocol version, and, where the
 * query has a time-out, max_execution_time with 5 seconds more. The default time-out is 60 s.
 */
export function askAsGrafana(address: Address, sql: string, settings: Record<string, string> = {}): Promise<Answer> {
  const url = new URL(address.url);
  url.search = new URLSearchParams({
    database: address.database,
    default_format: 'Native',
    client_protocol_version: '54460',
    max_execution_time: '65',
    ...settings,
  }).toString();
  const login = Buffer.from(`${address.user}:${address.password}`).toString('base64');
  const agent = 'grafana/13.2.3 clickhouse-datasource/4.20.0 clickhouse-go/2.47.0 (lv:go/1.26.5; os:linux)';
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { authorization: `Basic ${login}`, 'accept-encoding': 'gzip', 'user-agent': agent },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const encoding = response.headers['content-encoding'];
          const raw = Buffer.concat(parts);
          const body = encoding === 'gzip' ? gunzipSync(raw) : raw;
          resolve({ status: response.statusCode ?? 0, encoding, body });
        });
      },
    );
    sent.on('error', reject);
    sent.end(sql);
  });
}

const SIZES: Readonly<Record<string, (body: Buffer, at: number) => [unknown, number]>> = {
  String: (body, at) => {
    const [size, start] = varint(body, at);
    return [body.toString('utf8', start, start + size), start + size];
  },
  UInt8: (body, at) => [body.readUInt8(at), at + 1],
  UInt32: (body, at) => [body.readUInt32LE(at), at + 4],
  UInt64: (body, at) => [Number(body.readBigUInt64LE(at)), at + 8],
  Float64: (body, at) => [body.readDoubleLE(at), at + 8],
};

/**
 * Rows of Native blocks. At revision 0, which is what a hello of revision 0 asks for, a block is its number of columns and rows,
 * then name, type and values of each column; the hello itself has block info and a byte for custom serialisation.
 */
export function nativeRows(body: Buffer, hello = false): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = [];
  for (let at = 0; at < body.length; ) {
    if (hello) at += 8;
    let columns: number;
    let count: number;
    [columns, at] = varint(body, at);
    [count, at] = varint(body, at);
    const block = Array.from({ length: count }, (): Record<string, unknown> => ({}));
    for (; columns > 0; columns--) {
      let name: unknown;
      let type: unknown;
      [name, at] = SIZES.String!(body, at);
      [type, at] = SIZES.String!(body, at);
      if (hello) at++;
      const read = SIZES[String(type)];
      if (read === undefined) throw new Error(`column ${String(name)}: this reader knows no ${String(type)}`);
      for (const row of block) [row[String(name)], at] = read(body, at);
    }
    rows.push(...block);
  }
  return rows;
}

function varint(body: Buffer, start: number): [number, number] {
  let value = 0;
  let at = start;
  for (let shift = 0; ; shift += 7) {
    const byte = body.readUInt8(at++);
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}
