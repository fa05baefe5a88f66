/**
 * A local OTLP/HTTP receiver that keeps nothing: it acknowledges and counts how many calls it was told about, so that
 * an instrumentation that records nothing cannot win. Prints `{"url": …}`; `GET /count` answers and resets the count.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The answer's model is in every span of a call, whoever recorded it. Protobuf and JSON keep strings whole.
const MARKERS: Readonly<Record<string, string>> = {
  '/v1/traces': 'gpt-4o-mini-2024-07-18',
  '/v1/logs': 'usage.id',
};
const counts: Record<string, number> = {};
let bytes = 0;

const server = createServer((request, response) => {
  const path = request.url ?? '/';
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const json = JSON.stringify({ counts, bytes });
    if (request.method === 'GET') {
      for (const key of Object.keys(counts)) delete counts[key];
      bytes = 0;
      response.end(json);
      return;
    }
    const body = Buffer.concat(parts);
    bytes += body.length;
    counts[path] = (counts[path] ?? 0) + occurrences(body, MARKERS[path] ?? 'scope');
    const proto = request.headers['content-type'] === 'application/x-protobuf';
    response.writeHead(200, { 'content-type': proto ? 'application/x-protobuf' : 'application/json' });
    response.end(proto ? '' : '{}');
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.on('SIGTERM', () => process.exit(0));

function occurrences(body: Buffer, marker: string): number {
  let found = 0;
  for (let at = body.indexOf(marker); at !== -1; at = body.indexOf(marker, at + marker.length)) found += 1;
  return found;
}
