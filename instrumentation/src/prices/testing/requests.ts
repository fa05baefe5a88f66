import type { TokenUsage } from '../../types.ts';
import { loadPriceBook, type PriceRequest } from '../index.ts';

export const AT = new Date('2026-11-22T12:00:00Z');
export const M = 1_000_000;

/** The book without a user's file, whatever the environment says. */
export const book = loadPriceBook({ userFile: '' });

export function request(
  model: string | undefined,
  tokens?: TokenUsage,
  more: Partial<PriceRequest> = {},
): PriceRequest {
  const call = { service: 'openai', operation: 'chat_completion', quantity: '1', unit: 'request', at: AT };
  return { ...call, model, tokens, ...more };
}

export function amount(model: string, tokens: TokenUsage, more?: Partial<PriceRequest>): string | undefined {
  return book.price(request(model, tokens, more)).amount;
}

export function reason(model: string | undefined, tokens?: TokenUsage, more?: Partial<PriceRequest>): string {
  const price = book.price(request(model, tokens, more));
  return price.amount === undefined ? price.reason : `priced at ${price.amount}`;
}
