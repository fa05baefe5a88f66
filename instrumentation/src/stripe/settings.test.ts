import { diag } from '@opentelemetry/api';
import { afterEach, expect, test, vi } from 'vitest';
import { forgetWarnings } from '../log.ts';
import { clientMetadataKey, configure, isTestModeFree } from './settings.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  forgetWarnings();
  diag.disable();
  configure({}, true);
});

test.each([
  [undefined, undefined, false, ''],
  ['free', undefined, true, ''],
  ['priced', undefined, false, ''],
  [' free ', undefined, true, ''],
  ['', undefined, false, ''],
  ['gratis', undefined, false, 'CLIENT_COST_STRIPE_TEST_MODE must be "priced" or "free", not "gratis"'],
  // The instrumentation's own setting wins.
  ['free', 'priced', false, ''],
  ['priced', 'free', true, ''],
  [undefined, 'none', false, 'testMode must be "priced" or "free", not "none"'],
])('test mode: environment %s, configuration %s', (variable, testMode, free, warned) => {
  const warn = vi.fn();
  diag.setLogger({ warn, error: vi.fn(), info: vi.fn(), debug: vi.fn(), verbose: vi.fn() });
  vi.stubEnv('CLIENT_COST_STRIPE_TEST_MODE', variable);
  configure(testMode === undefined ? {} : { testMode: testMode as 'free' }, true);
  expect(isTestModeFree()).toBe(free);
  isTestModeFree();
  const said = warn.mock.calls.map((call) => call.join(' ')).filter((line) => line.includes('must be'));
  expect(said).toHaveLength(warned === '' ? 0 : 1);
  expect(said.join()).toContain(warned);
});

test('the key of the client in metadata', () => {
  expect(clientMetadataKey()).toBeUndefined();
  vi.stubEnv('CLIENT_COST_STRIPE_CLIENT_METADATA', 'client');
  configure({}, true);
  expect(clientMetadataKey()).toBe('client');
  configure({ clientMetadata: 'tenant' });
  expect(clientMetadataKey()).toBe('tenant');
});
