import type { DemoClient } from './clients.ts';

/** What one request to the service led to. */
export interface TrafficResult {
  readonly clientId: string;
  readonly route: string;
  readonly status: number;
  /** OpenAI's `x-request-id` as the service passes it on; the join with the provider's own record. */
  readonly requestId: string | undefined;
}

const MESSAGES = [
  'Hi, our kitchen tap has been dripping since Monday. Can somebody come this week?',
  'How much is a full inspection, and do you work on Saturdays?',
  'I filled in your form yesterday and have not heard back. Is the offer still on?',
  'Could you send me a quote? The house was built in 1978 and the attic is about 60 square metres.',
  'Please cancel my appointment on Thursday and find me one next week, mornings are best.',
];
const NOTES =
  'Caller asks about prices and times. Two earlier visits, both paid. Wants a written quote by e-mail before Friday. ' +
  'Prefers to be called after five. Mentioned that a neighbour recommended us. ';

/**
 * Plays the clients' traffic against the service, a few requests at a time, in an order that mixes clients and routes
 * and is the same in every run.
 *
 * @param serviceUrl base URL of the example service
 * @param onProgress called after each request with how many are done and how many there are
 */
export async function playTraffic(
  serviceUrl: string,
  clients: readonly DemoClient[],
  options: { concurrency?: number; onProgress?: (done: number, total: number) => void } = {},
): Promise<TrafficResult[]> {
  const plan = clients
    .flatMap((client) =>
      Array.from({ length: client.requests }, (_, n) => ({ client, n, at: (n + 0.5) / client.requests })),
    )
    .sort((a, b) => a.at - b.at || a.client.id.localeCompare(b.client.id));
  const results: TrafficResult[] = [];
  let next = 0;
  const worker = async () => {
    for (let turn = plan[next++]; turn !== undefined; turn = plan[next++]) {
      results.push(await request(serviceUrl, turn.client.id, turn.n));
      options.onProgress?.(results.length, plan.length);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency ?? 8 }, worker));
  return results;
}

async function request(serviceUrl: string, clientId: string, n: number): Promise<TrafficResult> {
  const message = MESSAGES[n % MESSAGES.length]!;
  const lead = `lead-${1 + (n % 17)}`;
  const [route, path, body] = routeOf(n, clientId, lead, message);
  // The scheduler's route is called without a client header: the code names the client there.
  const header: Record<string, string> = route === 'flow' ? {} : { 'x-client-id': clientId };
  const response = await fetch(new URL(path, serviceUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...header },
    body: JSON.stringify(body),
  });
  const answer = await response.text();
  const requestId =
    response.headers.get('x-openai-request-id') ??
    (response.ok ? (JSON.parse(answer) as { requestId?: string }).requestId : undefined);
  return { clientId, route, status: response.status, requestId };
}

function routeOf(n: number, clientId: string, lead: string, message: string): [string, string, object] {
  switch (n % 10) {
    case 3:
    case 7:
      return ['summary', '/summaries', { notes: NOTES.repeat(1 + (n % 4)) }];
    case 4:
      return ['search', '/search', { query: message, documents: MESSAGES }];
    case 5:
    case 8:
      return ['score', `/leads/${lead}/score`, { message }];
    case 9:
      return ['flow', `/flows/flow-${n}/run`, { clientId, messageId: `message-${n}` }];
    default:
      return ['reply', `/leads/${lead}/reply`, { message }];
  }
}
