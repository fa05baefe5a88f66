import type { DemoClient } from './clients.ts';

/** One request to the service beside its model calls. */
export interface Purchase {
  readonly clientId: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: object;
}

/** The number of a client, and the number of the leads that it writes to. */
export const numberOf = (index: number): string => `+1415555010${index}`;
const leadNumber = (n: number): string => `+1503555${String(1000 + (n % 9000))}`;

const TEXTS = [
  'Hi, this is about your request: could we call you at 3?',
  'Your appointment is confirmed for Thursday at 9. Reply C to change it. Parking is behind the building; please bring the papers of the last inspection, and ring the bell at the side door.',
  '👍 See you then!',
];

/**
 * What a client buys in a run, by how busy it is: texts and calls, a number, card payments, places, files. The same in every run.
 */
export function purchasesOf(client: DemoClient, index: number): Purchase[] {
  const { id: clientId, requests } = client;
  const many = (count: number, make: (n: number) => Omit<Purchase, 'clientId'>): Purchase[] =>
    Array.from({ length: count }, (_, n) => ({ clientId, ...make(n) }));
  return [
    ...many(1, () => ({ method: 'POST', path: '/numbers', body: { phoneNumber: numberOf(index) } })),
    ...many(Math.ceil(requests / 4), (n) => ({
      method: 'POST',
      path: `/leads/lead-${n}/text`,
      body: { to: leadNumber(n), message: TEXTS[n % TEXTS.length] },
    })),
    ...many(Math.ceil(requests / 20), (n) => ({
      method: 'POST',
      path: `/leads/lead-${n}/call`,
      body: { to: leadNumber(n), record: n % 2 === 0 },
    })),
    ...many(Math.ceil(requests / 30), (n) => ({ method: 'POST', path: '/payments', body: { cents: 4900 + 2500 * n } })),
    ...many(Math.ceil(requests / 10), (n) => ({
      method: 'GET',
      // One place for each client: the provider's record says whose it was.
      path: `/leads/lead-${n}/place?place=${placeOf(index)}`,
    })),
    ...many(Math.ceil(requests / 10), (n) => ({
      method: 'PUT',
      path: `/files/${clientId}/quote-${n}.txt`,
      body: { content: `Quote ${n}\n`.repeat(200) },
    })),
    ...many(Math.ceil(requests / 10), (n) => ({ method: 'GET', path: `/files/${clientId}/quote-${n}.txt` })),
  ];
}

export const placeOf = (index: number): string => `ChIJstandIn000${index}`;

/** Sends them, a few at a time: writes before reads. Throws where one fails. */
export async function buy(serviceUrl: string, purchases: readonly Purchase[], concurrency = 6): Promise<void> {
  for (const method of ['POST', 'PUT', 'GET']) {
    const waiting = purchases.filter((purchase) => purchase.method === method);
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await send(serviceUrl, next);
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  }
}

async function send(serviceUrl: string, { clientId, method, path, body }: Purchase): Promise<void> {
  const response = await fetch(new URL(path, serviceUrl), {
    method,
    headers: { 'content-type': 'application/json', 'x-client-id': clientId },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text.slice(0, 200)}`);
}
