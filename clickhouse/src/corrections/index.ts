export { type ChargeFilter, chargesById, readCharges } from './read.ts';
export { type Repriced, type RepricedService, type RepriceOptions, reprice, repriceCharge } from './reprice.ts';
export { LEDGER_COLUMNS, type LedgerRow, newCharge, nextVersion } from './row.ts';
export { StaleCorrectionError, type WriteOptions, writeCharges } from './write.ts';
