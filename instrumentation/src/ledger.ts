/**
 * What the `client-cost` command shares with the instrumentation: prices, decimal money, ids. Loads no OpenTelemetry SDK.
 * `import { loadPriceBook, derivedUsageId } from '@client-cost/instrumentation/ledger'`
 */
export { add, type Decimal, decimalOf, formatAmount, multiply, parseAmount, sumAmounts, toAmount } from './money.ts';
export { reportedBy } from './openai/usage.ts';
export type { PriceBook, PriceBookOptions, PriceRequest, Problem } from './prices/index.ts';
export { loadPriceBook, validatePriceFile } from './prices/index.ts';
export { type ListedPrice, type ListOptions, listPrices } from './prices/list.ts';
export { isPriceReason } from './prices/reasons.ts';
export { absurdity, type Cost, costOf, type Pricable } from './recorder/cost.ts';
export { derivedUsageId } from './recorder/derived-id.ts';
export { uuidv7 } from './recorder/uuid.ts';
export { fromSmallestUnit } from './stripe/currency.ts';
export { type NumberKind, numberSku } from './twilio/sku.ts';
export {
  type CallReport,
  callEnd,
  type MessageReport,
  messageEnd,
  messagePhase,
  type RecordingReport,
  recordingEnd,
} from './twilio/usage.ts';
export type { CallEnd, CostSource, Price, TokenUsage } from './types.ts';
