export { heldNumbers, type NumberOptions, type NumberOutcome } from './numbers.ts';
export { type R2Api, type R2Settings, r2Api } from './r2-api.ts';
export { gbMonths, type MeasureProgress, measureStorage, type StoredGroup } from './storage.ts';
export { chargeStorage, type StorageCharge } from './storage-charges.ts';
export { readStorageMap, type StorageMap, StorageMapError } from './storage-map.ts';
