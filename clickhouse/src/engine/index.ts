export { EngineUnavailableError } from './addon.ts';
export { DataDirError } from './data-dir.ts';
export { startEngine } from './engine.ts';
export { type EngineProcess, spawnEngine } from './spawn.ts';
export type { Engine, EngineLogger, EngineOptions, EngineUser } from './types.ts';
