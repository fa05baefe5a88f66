import { describe, expect, it } from 'vitest';
import { EngineUnavailableError, loadAddon } from './addon.ts';

describe('loadAddon', () => {
  it('names the missing package and the ways out', () => {
    const missing = () => {
      throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
    };
    expect(() => loadAddon('linux-x64', missing)).toThrow(/@chdb\/lib-linux-x64-gnu.*npm install chdb.*CLICKHOUSE_URL/);
  });
  it('names the platform that has no build', () => {
    expect(() => loadAddon('win32-x64')).toThrow(EngineUnavailableError);
    expect(() => loadAddon('win32-x64')).toThrow(/win32-x64.*WSL2/);
  });
  it('tells a library that does not load from one that is not there', () => {
    const broken = () => {
      throw Object.assign(new Error('ld-linux: no such file\nmore'), { code: 'ERR_DLOPEN_FAILED' });
    };
    expect(() => loadAddon('linux-x64', broken)).toThrow(/cannot be loaded: ld-linux: no such file\. It needs glibc/);
  });
});
