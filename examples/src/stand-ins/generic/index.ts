import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/*
 * Document OCR as Mistral's API does it on the wire (shapes: its OpenAPI description, as in the official client's OCRRequest and
 * OCRResponse): the example of a billable API that this project has no code for.
 */

export interface OcrExchange {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  readonly status: number;
  /** Of the answer: `mistral-correlation-id`. */
  readonly id: string;
  readonly pages: number;
}

export interface OcrStandInOptions {
  /** How many pages the document at an URL has; default: the number in its name (`report-12.pdf`), else 1. */
  readonly pagesOf?: (url: string) => number;
  /** The status of a failure for the n-th request (from 1); undefined: none. */
  readonly failure?: (n: number) => number | undefined;
  /** The only key that is let in; default: every key but those that begin with `wrong`. */
  readonly apiKey?: string;
  /** Default 0, a free one. */
  readonly port?: number;
}

export interface OcrStandIn {
  /** `http://127.0.0.1:<port>`: what a client has as its server URL. */
  readonly url: string;
  readonly port: number;
  /** Every exchange, in order of its answer. */
  readonly requests: OcrExchange[];
  readonly count: number;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/** Aliases, as the provider resolves them: the answer names the model that it is billed as. */
const MODELS: Readonly<Record<string, string>> = {
  'mistral-ocr-latest': 'mistral-ocr-2512',
  'mistral-ocr-2512': 'mistral-ocr-2512',
  'mistral-ocr-2505': 'mistral-ocr-2505',
};

/** A local server with `POST /v1/ocr` and `GET /v1/models`. */
export async function createOcrStandIn(options: OcrStandInOptions = {}): Promise<OcrStandIn> {
  const requests: OcrExchange[] = [];
  let count = 0;
  const server = createServer((incoming, outgoing) => {
    const n = ++count;
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('error', () => outgoing.destroy());
    incoming.on('end', () => {
      const id = randomUUID();
      const body = parse(Buffer.concat(parts).toString());
      const { method = 'GET', url = '/', headers } = incoming;
      const { status, answer, pages = 0 } = respond({ method, path: url.split('?', 1)[0]!, headers, body }, options, n);
      requests.push({ method, path: url, headers, body, status, id, pages });
      send(incoming, outgoing, status, id, answer);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    get count() {
      return count;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

interface Response {
  readonly status: number;
  readonly answer: unknown;
  readonly pages?: number;
}

function respond({ method, path, headers, body }: Asked, options: OcrStandInOptions, n: number): Response {
  const key = headers.authorization?.replace(/^Bearer /i, '');
  const welcome =
    key !== undefined && (options.apiKey === undefined ? !key.startsWith('wrong') : key === options.apiKey);
  if (!welcome) return { status: 401, answer: { detail: 'Unauthorized' } };
  const failure = options.failure?.(n);
  if (failure === 429) {
    return { status: 429, answer: error('Rate limit exceeded', 'rate_limited', '1300') };
  }
  if (failure !== undefined)
    return { status: failure, answer: error('Service unavailable.', 'internal_server_error', '1000') };
  if (method === 'GET' && path === '/v1/models') {
    const data = Object.keys(MODELS).map((id) => ({ id, object: 'model', created: 1, owned_by: 'mistralai' }));
    return { status: 200, answer: { object: 'list', data } };
  }
  if (method !== 'POST' || path !== '/v1/ocr') {
    return { status: 404, answer: { message: 'no Route matched with those values' } };
  }
  return ocr(body, options);
}

function ocr(body: unknown, options: OcrStandInOptions): Response {
  const { model, document, pages: wanted } = (body ?? {}) as Record<string, unknown>;
  if (typeof document !== 'object' || document === null) return invalid(['body', 'document'], body);
  const resolved = MODELS[String(model)];
  if (resolved === undefined) {
    return { status: 400, answer: error(`Invalid model: ${String(model)}`, 'invalid_model', '1500') };
  }
  const { document_url: url, image_url: image } = document as Record<string, unknown>;
  const address = url ?? (typeof image === 'object' && image !== null ? (image as { url?: unknown }).url : image);
  if (typeof address !== 'string') return invalid(['body', 'document', 'document_url'], document);
  const all = (options.pagesOf ?? pagesInName)(address);
  const indexes = Array.from({ length: all }, (_, index) => index).filter((index) => chosen(wanted, index));
  const answer = {
    pages: indexes.map((index) => ({
      index,
      markdown: `# Page ${index + 1}\n\nText of the page.`,
      images: [],
      dimensions: { dpi: 200, height: 2200, width: 1700 },
    })),
    model: resolved,
    document_annotation: null,
    usage_info: { pages_processed: indexes.length, doc_size_bytes: all * 31_337 },
  };
  return { status: 200, answer, pages: indexes.length };
}

function pagesInName(url: string): number {
  return Number(/-(\d+)\.\w+$/.exec(url)?.[1] ?? 1);
}

/** `pages` is a list of indexes, or a text such as `0,2-4`. */
function chosen(wanted: unknown, index: number): boolean {
  if (wanted === undefined || wanted === null) return true;
  if (Array.isArray(wanted)) return wanted.includes(index);
  return String(wanted)
    .split(',')
    .some((range) => {
      const [from = 0, to = from] = range.split('-').map(Number);
      return index >= from && index <= to;
    });
}

function error(message: string, type: string, code: string) {
  return { object: 'error', message, type, param: null, code };
}

function invalid(loc: readonly string[], input: unknown): Response {
  return { status: 422, answer: { detail: [{ type: 'missing', loc, msg: 'Field required', input }] } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(incoming: IncomingMessage, outgoing: ServerResponse, status: number, id: string, answer: unknown): void {
  const text = JSON.stringify(answer);
  const accepted = String(incoming.headers['accept-encoding'] ?? '');
  const encoding = /\bbr\b/.test(accepted) ? 'br' : /\bgzip\b/.test(accepted) ? 'gzip' : undefined;
  outgoing.writeHead(status, {
    'content-type': 'application/json',
    'mistral-correlation-id': id,
    ...(encoding === undefined ? undefined : { 'content-encoding': encoding }),
    ...(status === 429 ? { 'retry-after': '0' } : undefined),
  });
  outgoing.end(encoding === 'br' ? brotliCompressSync(text) : encoding === 'gzip' ? gzipSync(text) : text);
}
