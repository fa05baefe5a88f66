import type { IncomingMessage } from 'node:http';
import { diag } from '@opentelemetry/api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { forgetWarnings } from '../../log.ts';
import { readWebhookSettings } from './settings.ts';
import { type UrlOptions, urlsOf } from './urls.ts';

const request = (headers: Record<string, string>, encrypted = false) =>
  ({ headers, socket: { encrypted } }) as unknown as IncomingMessage;
const urls = (
  headers: Record<string, string>,
  options: Partial<UrlOptions> = {},
  path = '/sms?a=b',
  encrypted = false,
) => urlsOf(request(headers, encrypted), path, { trustProxy: false, ...options });

describe('the addresses that Twilio may have called', () => {
  const host = 'example.com:8080';

  it('are those of the Host header, with https alone where the connection is encrypted', () => {
    expect(urls({ host })).toEqual(['https://example.com:8080/sms?a=b', 'http://example.com:8080/sms?a=b']);
    expect(urls({ host }, {}, '/sms', true)).toEqual(['https://example.com:8080/sms']);
    expect(urls({ host }, {}, 'http://proxy.example/sms')).toContain('https://example.com:8080/sms');
  });

  it('are none without a Host header, or with one that is none', () => {
    for (const bad of ['', 'a b', 'a/b', 'a@b', 'a?b', 'a\\b', 'a#b']) expect(urls({ host: bad })).toEqual([]);
    expect(urls({})).toEqual([]);
  });

  it('are the configured one; what Twilio adds to its query is added', () => {
    const url = 'https://a.example/hook';
    expect(urls({ host }, { url })).toEqual(['https://a.example/hook?a=b']);
    expect(urls({ host }, { url: `${url}?own=1` })).toEqual([`${url}?own=1`]);
    expect(urls({ host }, { publicUrl: 'https://a.example/v1' })).toEqual(['https://a.example/v1/sms?a=b']);
  });

  it('are the first forwarded ones where a proxy is believed', () => {
    const headers = { host, 'x-forwarded-host': 'a.example, b.example', 'x-forwarded-proto': 'HTTPS,http' };
    expect(urls(headers, { trustProxy: true })).toEqual(['https://a.example/sms?a=b']);
    expect(urls({ host, 'x-forwarded-proto': 'gopher' }, { trustProxy: true })).toHaveLength(2);
    expect(urls(headers)).toEqual(urls({ host }));
  });
});

describe('settings', () => {
  afterEach(() => {
    forgetWarnings();
    diag.disable();
  });

  it('are read anew when the environment changes', () => {
    const env: Record<string, string> = {};
    expect(readWebhookSettings(env)).toEqual({ tokens: [], publicUrl: undefined, trustProxy: false });
    env.TWILIO_AUTH_TOKEN = ' main ';
    env.CLIENT_COST_TWILIO_AUTH_TOKENS = 'a, b main,,a';
    env.CLIENT_COST_PUBLIC_URL = 'https://a.example/v1//';
    env.CLIENT_COST_TRUST_PROXY = 'TRUE';
    const settings = readWebhookSettings(env);
    expect(settings).toEqual({ tokens: ['main', 'a', 'b'], publicUrl: 'https://a.example/v1', trustProxy: true });
    expect(readWebhookSettings(env)).toBe(settings);
  });

  it.each([
    ['CLIENT_COST_PUBLIC_URL', 'api.example.com'],
    ['CLIENT_COST_PUBLIC_URL', 'ftp://api.example.com'],
    ['CLIENT_COST_PUBLIC_URL', 'https://api.example.com/?a=b'],
    ['CLIENT_COST_TRUST_PROXY', 'yes'],
  ])('%s=%s is named, and its default holds', (name, value) => {
    const logger = { error() {}, warn: vi.fn(), info() {}, debug() {}, verbose() {} };
    diag.setLogger(logger, { suppressOverrideMessage: true });
    expect(readWebhookSettings({ [name]: value })).toEqual({ tokens: [], publicUrl: undefined, trustProxy: false });
    expect(logger.warn).toHaveBeenCalledTimes(1);
    expect(logger.warn.mock.calls[0]?.join(' ')).toContain(`${name}="${value}"`);
  });
});
