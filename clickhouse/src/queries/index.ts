export { backfill, refreshDaily } from './backfill.ts';
export { type BillLine, type ClientBill, getClientBill } from './bill.ts';
export {
  type ClientPrice,
  type ClientPriceKey,
  listClientPrices,
  removeClientPrice,
  setClientPrice,
} from './client-prices.ts';
export {
  type ClientUsageSummary,
  type CurrentMonthUsage,
  type DayUsage,
  getClientUsageSummary,
  getCurrentMonthUsage,
  type ModelUsage,
  type OperationUsage,
  type ServiceUsage,
} from './client-usage.ts';
export { type ClientChange, type ClientRecord, listClients, setClient } from './clients.ts';
export { getSettlement, getUnpriced, type Settlement, type Unpriced } from './coverage.ts';
export { addDays, daysInMonth, monthPeriod, type Period, QueryInputError, utcDay } from './dates.ts';
export type { Figures } from './run.ts';
export * from './summaries.ts';
export { applyUpdates } from './updates.ts';
