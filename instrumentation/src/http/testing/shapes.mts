/*
 * Ways to call an HTTP API, and all that an application can see of each: run with and without `register`, what they print must be equal.
 *   node [--require dist/register.js] shapes.mts <url of the test server> [shape]
 */
import * as http from 'node:http';
import { createRequire } from 'node:module';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { unhandledRejections } from '../../testing/rejections.mts';

const require = createRequire(import.meta.url);
type Shape = (url: string) => Promise<unknown>;

const caught = (error: unknown): unknown => {
  const { name, message, code, cause } = error as Error & { code?: unknown };
  const { name: type } = (error as object).constructor;
  return { name, message, code, class: type, cause: cause === undefined ? undefined : caught(cause) };
};
const attempt = async (run: () => Promise<unknown>) => run().catch(caught);
const about = (response: Response) => ({
  status: response.status,
  ok: response.ok,
  type: response.type,
  redirected: response.redirected,
  bodyUsed: response.bodyUsed,
  class: Object.getPrototypeOf(response) === Response.prototype,
  own: Reflect.ownKeys(response)
    .map(String)
    .filter((key) => !key.startsWith('Symbol')),
  headers: [...response.headers].filter(([name]) => name !== 'date'),
});

/** One node:http exchange: all events in order, and what came. */
function exchange(url: string, options: http.RequestOptions = {}, body?: string | string[]): Promise<unknown> {
  return new Promise((resolve) => {
    const events: string[] = [];
    let text = '';
    const request = http.request(url, options);
    for (const event of ['socket', 'finish', 'response', 'abort', 'information', 'continue', 'close']) {
      request.on(event, () => events.push(event));
    }
    request.on('error', (error) => events.push(`error ${JSON.stringify(caught(error))}`));
    request.on('response', (response) => {
      response.on('data', (part) => {
        text += part;
      });
      for (const event of ['end', 'aborted', 'close']) response.on(event, () => events.push(`response ${event}`));
      response.on('error', (error) => events.push(`response error ${error.message}`));
    });
    request.on('close', () =>
      setImmediate(() => {
        const { res } = request as unknown as { res?: http.IncomingMessage };
        const keys = Object.keys(request).sort();
        resolve({
          events,
          keys,
          status: res?.statusCode,
          complete: res?.complete,
          length: text.length,
          head: text.slice(0, 200),
        });
      }),
    );
    for (const part of Array.isArray(body) ? body : []) request.write(part);
    request.end(typeof body === 'string' ? body : undefined);
  });
}

export const SHAPES: Readonly<Record<string, Shape>> = {
  'fetch json': async (url) => {
    const response = await fetch(`${url}/json?pages=7`);
    const before = about(response);
    return [before, await response.json(), about(response), await attempt(() => response.text())];
  },
  'fetch text, bytes, blob, arrayBuffer': async (url) => [
    await (await fetch(`${url}/json`)).text(),
    (await (await fetch(`${url}/json`)).bytes()).length,
    (await (await fetch(`${url}/json`)).blob()).size,
    (await (await fetch(`${url}/json`)).arrayBuffer()).byteLength,
  ],
  'fetch formData of JSON': async (url) => attempt(async () => (await fetch(`${url}/json`)).formData()),
  'fetch POST': async (url) =>
    (await fetch(`${url}/json`, { method: 'POST', body: JSON.stringify({ a: 'ä'.repeat(100) }) })).json(),
  'fetch POST stream': async (url) => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"a":'));
        controller.enqueue(new TextEncoder().encode('1}'));
        controller.close();
      },
    });
    return (await fetch(`${url}/json`, { method: 'POST', body, duplex: 'half' } as RequestInit)).json();
  },
  'fetch gzip, br, deflate, zstd': async (url) => {
    const results = [];
    for (const kind of ['gzip', 'br', 'deflate', 'zstd'])
      results.push(await attempt(async () => (await fetch(`${url}/${kind}`)).text()));
    return results;
  },
  'fetch garbled': async (url) => attempt(async () => (await fetch(`${url}/garbled`)).text()),
  'fetch clone': async (url) => {
    const response = await fetch(`${url}/chunks`);
    const copy = response.clone();
    return [await copy.json(), await response.json(), about(copy)];
  },
  'fetch body as stream': async (url) => {
    const response = await fetch(`${url}/chunks`);
    const parts: string[] = [];
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) parts.push(part.constructor.name);
    return [new Set(parts).size, parts.length > 1, about(response)];
  },
  'fetch body left early': async (url) => {
    const response = await fetch(`${url}/huge`);
    const reader = response.body!.getReader();
    const first = await reader.read();
    await reader.cancel('enough');
    return [first.done, await reader.closed.then(String, caught)];
  },
  'fetch huge': async (url) => (await (await fetch(`${url}/huge`)).text()).length,
  'fetch tee': async (url) => {
    const [a, b] = (await fetch(`${url}/json`)).body!.tee();
    return [await new Response(a).text(), await new Response(b).text()];
  },
  'fetch HEAD, 204, 304, 404, 500': async (url) => {
    const all = [await fetch(`${url}/json`, { method: 'HEAD' })];
    for (const status of [204, 304, 404, 500]) all.push(await fetch(`${url}/status/${status}`));
    return Promise.all(all.map(async (response) => [about(response), await response.text(), response.body === null]));
  },
  'fetch redirects': async (url) => [
    await (await fetch(`${url}/redirect`)).text(),
    about(await fetch(`${url}/redirect`, { redirect: 'manual' })),
    await attempt(() => fetch(`${url}/redirect`, { redirect: 'error' })),
    await (await fetch(`${url}/redirect/307`, { method: 'POST', body: 'x' })).text(),
  ],
  'fetch refused, reset, half': async (url) => [
    await attempt(() => fetch('http://127.0.0.1:2/')),
    await attempt(() => fetch(`${url}/reset`)),
    await attempt(async () => (await fetch(`${url}/half`)).text()),
  ],
  'fetch aborted': async (url) => {
    const before = AbortSignal.abort(new Error('why'));
    const late = new AbortController();
    const response = await fetch(`${url}/hang/body`, { signal: late.signal });
    const reading = attempt(() => response.text());
    late.abort();
    return [
      await attempt(() => fetch(`${url}/json`, { signal: before })),
      await attempt(() => fetch(`${url}/silent`, { signal: AbortSignal.timeout(50) })),
      await reading,
    ];
  },
  'fetch unread': async (url) => about(await fetch(`${url}/json`)),
  'fetch early hints': async (url) => (await fetch(`${url}/early`)).text(),
  'fetch together': async (url) =>
    Promise.all(Array.from({ length: 30 }, async (_, i) => (await fetch(`${url}/json?pages=${i}`)).json())),
  'fetch is itself': async () => [
    fetch.name,
    fetch.length,
    String(fetch).slice(0, 40),
    Object.keys(globalThis).includes('fetch'),
  ],
  'http json': (url) => exchange(`${url}/json?pages=7`),
  'http POST': (url) => exchange(`${url}/json`, { method: 'POST' }, '{"a":1}'),
  'http POST in parts': (url) => exchange(`${url}/json`, { method: 'POST' }, ['{"a":', '1}']),
  'http expect continue': (url) =>
    exchange(`${url}/json`, { method: 'POST', headers: { expect: '100-continue' } }, 'x'),
  'http raw headers': (url) => exchange(`${url}/json`, { headers: ['host', new URL(url).host, 'x-a', '1'] } as never),
  'http chunks, huge, gzip, early': async (url) => [
    await exchange(`${url}/chunks`),
    await exchange(`${url}/huge`),
    await exchange(`${url}/gzip`),
    await exchange(`${url}/early`),
  ],
  'http HEAD, 204, 304, 500': async (url) => [
    await exchange(`${url}/json`, { method: 'HEAD' }),
    await exchange(`${url}/status/204`),
    await exchange(`${url}/status/304`),
    await exchange(`${url}/status/500`),
  ],
  'http refused, reset, half': async (url) => [
    await exchange('http://127.0.0.1:2/'),
    await exchange(`${url}/reset`),
    await exchange(`${url}/half`),
  ],
  'http aborted': async (url) => [
    await exchange(`${url}/silent`, { signal: AbortSignal.timeout(50) }),
    await new Promise((resolve) => {
      const request = http.get(`${url}/silent`, () => {});
      request.on('error', (error) => resolve(caught(error)));
      setTimeout(() => request.destroy(), 40);
    }),
    await new Promise((resolve) => {
      const request = http.get(`${url}/silent`, () => {});
      request.on('error', (error) => resolve(caught(error)));
      setTimeout(() => request.destroy(new Error('why')), 40);
    }),
  ],
  'http nobody listens for the response': (url) =>
    new Promise((resolve) => {
      const request = http.get(`${url}/json`);
      request.on('close', () => resolve([request.listenerCount('response'), Object.keys(request).sort()]));
    }),
  'http keep-alive': async (url) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set();
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => {
        http.get(`${url}/json`, { agent }, (response) => {
          sockets.add(response.socket);
          response.resume().on('end', () => setImmediate(resolve));
        });
      });
    }
    agent.destroy();
    return sockets.size;
  },
  'http paused, with back-pressure': (url) =>
    new Promise((resolve) => {
      http.get(`${url}/huge`, (response) => {
        response.pause();
        setTimeout(async () => {
          const held = response.readableLength < 1_000_000;
          let length = 0;
          await pipeline(response, async (source: AsyncIterable<Buffer>) => {
            for await (const part of source) length += part.length;
          });
          resolve([held, length, Object.keys(response).sort()]);
        }, 50);
      });
    }),
  'http read with setEncoding': (url) =>
    new Promise((resolve) => {
      http.get(`${url}/chunks`, (response) => {
        response.setEncoding('utf8');
        const types = new Set<string>();
        response.on('readable', () => {
          for (let part = response.read(); part !== null; part = response.read()) types.add(typeof part);
        });
        response.on('end', () => resolve([...types]));
      });
    }),
  axios: async (url) => {
    const axios = require('axios');
    const all = [];
    for (const path of ['/json', '/gzip', '/redirect', '/text', '/huge']) {
      const { status, data, headers } = await axios.get(url + path);
      all.push([status, typeof data === 'string' ? data.length : data, Object.keys(headers)]);
    }
    const failed = await axios.get(`${url}/status/429`).catch((error: never) => error);
    const stream = await axios.post(`${url}/chunks`, { a: 1 }, { responseType: 'stream' });
    let text = '';
    for await (const part of stream.data) text += part;
    return [
      all,
      failed.code,
      failed.response.status,
      failed.message,
      text,
      await attempt(() => axios.get(`${url}/silent`, { timeout: 50 })),
    ];
  },
  'nobody waits': (url) =>
    unhandledRejections(() => {
      void fetch('http://127.0.0.1:2/');
      void fetch(`${url}/json`);
    }, caught),
};

export async function runShapes(url: string, only?: string): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(SHAPES)) {
    if (only !== undefined && only !== name) continue;
    results[name] = await shape(url).catch((error) => ({ threw: caught(error) }));
  }
  return results;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const results = await runShapes(process.argv[2] ?? '', process.argv[3]);
  // Some of the shapes leave connections open.
  process.stdout.write(`${JSON.stringify(results)}\n`, () => setTimeout(() => process.exit(0), 500));
}
