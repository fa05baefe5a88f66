import { randomUUID } from 'node:crypto';

function attribute(key: string, value: string | number) {
  return { key, value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value } };
}

/** One priced usage event as an OTLP/JSON log record; its cost is 0.000027 USD. */
export function usageRecord(clientId: string, at = Date.now()) {
  return {
    timeUnixNano: `${at}000000`,
    eventName: 'client_cost.usage',
    attributes: [
      attribute('usage.id', randomUUID()),
      attribute('usage.version', 1),
      attribute('client.id', clientId),
      attribute('usage.service', 'openai'),
      attribute('usage.operation', 'chat_completion'),
      attribute('gen_ai.request.model', 'gpt-4o-mini'),
      attribute('gen_ai.usage.input_tokens', 100),
      attribute('gen_ai.usage.output_tokens', 20),
      attribute('usage.quantity', '1'),
      attribute('usage.unit', 'request'),
      attribute('cost.amount', '0.000027'),
      attribute('cost.currency', 'USD'),
      attribute('cost.source', 'price_book'),
      attribute('usage.outcome', 'ok'),
    ],
  };
}

/** An OTLP/JSON logs export request of these records. */
export function logsRequest(logRecords: readonly unknown[], serviceName = 'test') {
  return {
    resourceLogs: [
      {
        resource: { attributes: [attribute('service.name', serviceName)] },
        scopeLogs: [{ scope: { name: '@client-cost/instrumentation' }, logRecords }],
      },
    ],
  };
}

/** A request of `count` usage events of one client. */
export function usageRequest(clientId: string, count: number) {
  return logsRequest(Array.from({ length: count }, () => usageRecord(clientId)));
}
