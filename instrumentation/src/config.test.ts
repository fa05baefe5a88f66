import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';
import { forgetWarnings } from './log.ts';

let warnings: string[];
beforeEach(() => {
  warnings = [];
  forgetWarnings();
  const logger = {
    error() {},
    info() {},
    debug() {},
    verbose() {},
    warn: (...args: unknown[]) => warnings.push(args.join(' ')),
  };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
});
afterEach(() => diag.disable());

describe('readConfig', () => {
  it('has defaults', () => {
    expect(readConfig({})).toEqual({
      disabled: false,
      clientHeader: undefined,
      trustBaggage: 'own',
      ownHosts: [],
      pricesFile: undefined,
      httpProvidersFile: undefined,
      startSdk: true,
    });
    expect(warnings).toEqual([]);
  });

  it('reads every variable', () => {
    const config = readConfig({
      CLIENT_COST_DISABLED: 'TRUE',
      CLIENT_COST_CLIENT_HEADER: 'X-Client-Id',
      CLIENT_COST_TRUST_BAGGAGE: 'always',
      CLIENT_COST_OWN_HOSTS: '*.corp.example, api.example:8443 10.0.0.0/8,!*.x.example,[::1]:80',
      CLIENT_COST_PRICES: ' /etc/prices.json ',
      CLIENT_COST_HTTP_PROVIDERS: '/etc/providers.json',
      CLIENT_COST_SDK: 'off',
    });
    expect(config).toEqual({
      disabled: true,
      clientHeader: 'x-client-id',
      trustBaggage: 'always',
      ownHosts: ['*.corp.example', 'api.example:8443', '10.0.0.0/8', '!*.x.example', '[::1]:80'],
      pricesFile: '/etc/prices.json',
      httpProvidersFile: '/etc/providers.json',
      startSdk: false,
    });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['CLIENT_COST_DISABLED', 'perhaps', '"true" or "false"'],
    ['CLIENT_COST_CLIENT_HEADER', 'x client', 'the name of an HTTP header'],
    ['CLIENT_COST_TRUST_BAGGAGE', 'some', '"own", "always", "never"'],
    ['CLIENT_COST_OWN_HOSTS', 'http://x', 'a host'],
    ['CLIENT_COST_SDK', 'on', '"auto", "off"'],
  ])('%s=%s: names the variable, the value and what is allowed, once, and uses the default', (name, value, allowed) => {
    expect(readConfig({ [name]: value })).toEqual(readConfig({}));
    readConfig({ [name]: value });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`${name}=${JSON.stringify(value)}`);
    expect(warnings[0]).toContain(allowed);
  });
});
