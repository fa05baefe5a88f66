import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One hour of real LLM requests (Azure LLM inference trace 2023, CC-BY, Patel et al., ISCA 2024); kept outside the repository. */
export const TRACE_FILE = fileURLToPath(new URL('../../../shared/data/azure-llm-trace-conv.csv', import.meta.url));

export const hasTrace = (): boolean => existsSync(TRACE_FILE);

export type CallShape = 'plain' | 'with-response' | 'stream-asked' | 'stream-unasked' | 'response' | 'response-stream';

const SHAPES: readonly CallShape[] = [
  'plain',
  'stream-unasked',
  'with-response',
  'stream-asked',
  'response',
  'response-stream',
];

export interface TraceCall {
  readonly client: string;
  readonly shape: CallShape;
  readonly input: number;
  readonly output: number;
}

/** Every row of the trace as one call, spread over `clients` clients and all shapes of a call in a fixed way. */
export function readTrace(clients: number): TraceCall[] {
  const lines = readFileSync(TRACE_FILE, 'utf8').trim().split(/\r?\n/).slice(1);
  return lines.map((line, row) => {
    const [, input, output] = line.split(',').map(Number);
    return {
      client: `client-${String((row * 7919) % clients).padStart(3, '0')}`,
      shape: SHAPES[row % SHAPES.length]!,
      input: input!,
      output: output!,
    };
  });
}

/** USD × 10^12 of each client at gpt-4o-mini's list prices, 0.15 and 0.60 a million tokens: whole numbers throughout. */
export function billsOf(calls: readonly TraceCall[]): Map<string, bigint> {
  const bills = new Map<string, bigint>();
  for (const { client, input, output } of calls) {
    const amount = BigInt(input) * 150_000n + BigInt(output) * 600_000n;
    bills.set(client, (bills.get(client) ?? 0n) + amount);
  }
  return bills;
}

/** A decimal string as ClickHouse prints it, as USD × 10^12; throws on more than 12 decimals. */
export function pico(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.split('.');
  if (!/^\d+$/.test(whole) || !/^\d{0,12}$/.test(fraction)) throw new Error(`Not an amount: ${decimal}`);
  return BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, '0'));
}
