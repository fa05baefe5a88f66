export { beyond, type CompareOptions, compare } from './compare.ts';
export { ledgerFigures } from './ledger.ts';
export { openaiBill } from './openai.ts';
export { stripeBill } from './stripe.ts';
export { twilioBill } from './twilio.ts';
export type { Bill, BillLine, Comparison, LedgerFigures } from './types.ts';
