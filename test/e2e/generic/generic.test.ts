/**
 * A billable API by configuration alone: the file of docs/providers/http.md, a service that knows nothing of it, the real
 * Collector and engine, and what the ledger, its days and its months say in the end.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createOcrStandIn, type OcrStandIn } from '@client-cost/examples/stand-ins';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drained, eventually, skipWithoutCollector, startTestStack, type TestStack } from '../../support/stack.ts';

const register = createRequire(import.meta.url).resolve('@client-cost/instrumentation/register');
const page = readFileSync(join(import.meta.dirname, '../../../docs/providers/http.md'), 'utf8');
const documented = /```json\n(\{\n {2}"providers"[\s\S]*?)\n```/.exec(page)?.[1] ?? '';

const document = (pages: number) => `https://example.com/secret-document-${pages}.pdf`;

describe.skipIf(skipWithoutCollector)('an API that has no code here', () => {
  let test: TestStack;
  let standIn: OcrStandIn;
  let app: ChildProcess;
  let port: number;

  const call = async (client: string | undefined, what: string, pages = 1, model = 'mistral-ocr-latest') => {
    const query = new URLSearchParams({ call: what, url: document(pages), model });
    const headers = client === undefined ? {} : { 'x-client-id': client };
    return (await fetch(`http://127.0.0.1:${port}/?${query}`, { headers })).json() as Promise<unknown[]>;
  };

  beforeAll(async () => {
    test = await startTestStack();
    // The third request is refused.
    standIn = await createOcrStandIn({ failure: (n) => (n === 3 ? 429 : undefined) });
    const file = join(test.dataDir, 'providers.json');
    writeFileSync(file, documented.replace('api.mistral.ai', `127.0.0.1:${standIn.port}`));
    app = fork(join(import.meta.dirname, 'app.cjs'), {
      execArgv: ['--require', register],
      env: {
        ...process.env,
        ...test.stack.env,
        OCR_URL: standIn.url,
        CLIENT_COST_HTTP_PROVIDERS: file,
        CLIENT_COST_CLIENT_HEADER: 'x-client-id',
        CLIENT_COST_SPOOL_DIR: join(test.dataDir, 'spool-generic'),
        OTEL_SERVICE_NAME: 'generic',
      },
    });
    ({ port } = (await once(app, 'message'))[0] as { port: number });

    expect(await call('acme', 'fetch', 12)).toEqual([200, 12]);
    expect(await call('acme', 'axios', 3, 'mistral-ocr-2505')).toEqual([200, 3]);
    expect(await call('acme', 'fetch', 5)).toEqual([429, null]);
    expect(await call('acme', 'http', 1000)).toEqual([200, 1000]);
    expect(await call('globex', 'unread', 7)).toEqual([200, false]);
    expect(await call('globex', 'models')).toEqual([200, 3]);
    expect((await call('globex', 'agents'))[0]).toBe(404);
    expect(await call(undefined, 'http', 2)).toEqual([200, 2]);
    const many = Array.from({ length: 60 }, (_, i) =>
      call(`many-${i % 3}`, ['fetch', 'axios', 'http'][Math.floor(i / 3) % 3]!, i),
    );
    await Promise.all(many);

    app.send('end');
    expect((await once(app, 'exit'))[0]).toBe(0);
    await drained(test.stack.otlp!.metricsUrl);
  });
  afterAll(async () => {
    app?.kill();
    await standIn?.close();
    await test?.stop();
  });

  const ledger = (client: string) =>
    test.query(
      `SELECT operation, sku, toString(quantity) AS quantity, unit, toString(cost) AS cost, cost_source, outcome, error_type
       FROM usage_events_current WHERE service = 'mistral_ocr' AND client_id = '${client}' ORDER BY time, toString(usage_id)`,
    );
  const ok = { operation: 'ocr', unit: 'page', cost_source: 'price_book', outcome: 'ok', error_type: '' };

  it('is in the ledger, exactly', async () => {
    expect(await ledger('acme')).toEqual([
      { ...ok, sku: 'mistral-ocr-2512', quantity: '12', cost: '0.024' },
      { ...ok, sku: 'mistral-ocr-2505', quantity: '3', cost: '0.003' },
      { ...ok, sku: '', quantity: '0', cost: '0', outcome: 'error', error_type: '429' },
      { ...ok, sku: 'mistral-ocr-2512', quantity: '1000', cost: '2' },
    ]);
    expect(await ledger('globex')).toEqual([
      { ...ok, sku: 'mistral-ocr-2512', quantity: '7', cost: '0.014' },
      { ...ok, operation: 'models', unit: 'request', sku: '', quantity: '1', cost: '0' },
      {
        ...ok,
        operation: 'unknown',
        unit: 'request',
        sku: '',
        quantity: '1',
        cost: '0',
        outcome: 'error',
        error_type: '404',
      },
    ]);
    expect(await ledger('unattributed')).toEqual([{ ...ok, sku: 'mistral-ocr-2512', quantity: '2', cost: '0.004' }]);
  });

  it('names each charge as the provider does', async () => {
    const rows = await test.query<{ external_id: string }>(
      "SELECT external_id FROM usage_events_current WHERE service = 'mistral_ocr' AND operation = 'ocr' AND external_id != ''",
    );
    const said = standIn.requests
      .filter(({ status, path }) => status === 200 && path === '/v1/ocr')
      .map(({ id }) => id);
    expect(rows.map((row) => row.external_id).sort()).toEqual(said.sort());
  });

  it('adds up by day and by month', async () => {
    const expected = [
      { client_id: 'acme', requests: 4, cost: '2.027' },
      { client_id: 'globex', requests: 3, cost: '0.014' },
      // The pages 0 + 3 + … + 57, 1 + 4 + … + 58, 2 + 5 + … + 59, at 0.002 each.
      { client_id: 'many-0', requests: 20, cost: '1.14' },
      { client_id: 'many-1', requests: 20, cost: '1.18' },
      { client_id: 'many-2', requests: 20, cost: '1.22' },
      { client_id: 'unattributed', requests: 1, cost: '0.004' },
    ];
    const days = `SELECT client_id, toUInt32(sum(requests)) AS requests, toString(sum(cost)) AS cost FROM usage_daily_current
      WHERE service = 'mistral_ocr' GROUP BY client_id ORDER BY client_id`;
    const found = await eventually('the days', async () => {
      const rows = await test.query(days);
      return JSON.stringify(rows) === JSON.stringify(expected) ? rows : undefined;
    }).catch(() => test.query(days));
    expect(found).toEqual(expected);
    const months = await test.query(
      'SELECT client_id, toUInt32(sum(requests)) AS requests, toString(sum(total_cost)) AS cost FROM usage_monthly GROUP BY client_id ORDER BY client_id',
    );
    expect(months).toEqual(expected);
  });

  it('says nothing of the client to the provider, and nothing of the document to the ledger', async () => {
    expect(JSON.stringify(standIn.requests.map(({ headers }) => headers))).not.toMatch(/acme|globex|client\.id/);
    for (const table of ['otel_logs', 'otel_traces', 'usage_events']) {
      const [row] = await test.query<{ n: number }>(
        `SELECT count() AS n FROM (SELECT * FROM ${table}) WHERE toString(tuple(*)) LIKE '%secret-document%'`,
      );
      expect(row?.n, table).toBe(0);
    }
  });
});
