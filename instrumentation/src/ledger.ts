/**
 * What the `client-cost` command shares with the instrumentation: prices, decimal money, ids. Loads no OpenTelemetry SDK.
 * `import { loadPriceBook, derivedUsageId } from '@client-cost/instrumentation/ledger'`
 */
export { add, type Decimal, decimalOf, formatAmount, multiply, parseAmount, sumAmounts, toAmount } from './money.ts';
export type { PriceBook, PriceBookOptions, PriceRequest, Problem } from './prices/index.ts';
export { loadPriceBook, validatePriceFile } from './prices/index.ts';
export { derivedUsageId } from './recorder/derived-id.ts';
export { uuidv7 } from './recorder/uuid.ts';
export type { CostSource, Price, TokenUsage } from './types.ts';
