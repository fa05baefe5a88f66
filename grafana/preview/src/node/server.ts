import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type { Picture } from '../types.ts';

const root = join(import.meta.dirname, '..', '..');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Files that Grafana serves from its own public folder: icons from its package, fonts from theirs. */
const PUBLIC: readonly (readonly [prefix: string, folder: string])[] = [
  ['/public/build/img/', '@grafana/ui/dist/public/img'],
  ['/public/fonts/inter/', 'inter-ui/web'],
];
const MONO = '@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2';

function fileOf(path: string): string {
  const inside = normalize(`/${path}`);
  for (const [prefix, folder] of PUBLIC) {
    if (inside.startsWith(prefix)) return join(root, 'node_modules', folder, inside.slice(prefix.length));
  }
  if (inside.startsWith('/public/fonts/roboto/')) return join(root, 'node_modules', MONO);
  return join(root, 'dist', inside === '/' ? 'index.html' : inside);
}

export interface PageServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves the built page, and the pictures' data under /pictures/<name>.json, on the loopback interface. */
export async function startServer(pictures: ReadonlyMap<string, Picture>): Promise<PageServer> {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://page').pathname);
    const picture = /^\/pictures\/(.+)\.json$/.exec(path)?.[1];
    try {
      const body = picture === undefined ? await readFile(fileOf(path)) : JSON.stringify(pictures.get(picture));
      response.setHeader(
        'content-type',
        picture === undefined ? (TYPES[extname(fileOf(path))] ?? 'application/octet-stream') : 'application/json',
      );
      response.end(body);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
