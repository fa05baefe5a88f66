import { diag } from '@opentelemetry/api';
import express from 'express';
import { describe, expect, it, vi } from 'vitest';
import { setConfig } from '../../config.ts';
import { setRecorder } from '../../recorder/index.ts';
import { twilioWebhook } from './middleware.ts';
import { application, attribute, serve, stops, useApplications } from './testing/application.ts';
import { post, sms, TOKEN } from './testing/post.ts';

useApplications();

describe('the address that Twilio called', () => {
  const answerOf = async (options: Parameters<typeof twilioWebhook>[0], posted: Parameters<typeof post>[1]) => {
    const port = await serve(application('before the parser', options));
    return (await post(port, posted)).status;
  };
  const fields = sms(50);

  it('may end its TLS in front of the service', async () => {
    const port = await serve(application('before the parser'));
    expect((await post(port, { fields, url: `https://127.0.0.1:${port}/sms` })).status).toBe(200);
  });

  it('is the configured one: as a whole, by its beginning, by CLIENT_COST_PUBLIC_URL', async () => {
    const url = 'https://api.example.com/hooks/sms';
    expect(await answerOf({ url }, { fields, url })).toBe(200);
    expect(await answerOf({ url }, { fields, url: 'https://api.example.com/other' })).toBe(403);
    expect(await answerOf({ publicUrl: 'https://api.example.com/hooks/' }, { fields, url })).toBe(200);
    expect(await answerOf({ publicUrl: 'https://api.example.com' }, { fields, url })).toBe(403);
    vi.stubEnv('CLIENT_COST_PUBLIC_URL', 'https://api.example.com/hooks');
    expect(await answerOf({}, { fields, url })).toBe(200);
    expect(await answerOf({}, { fields, path: '/sms?a=b%20c&d', url: `${url}?a=b%20c&d` })).toBe(200);
  });

  it('is the forwarded one only where the proxy is believed', async () => {
    const forwarded = {
      fields,
      url: 'https://public.example/sms',
      headers: { 'x-forwarded-host': 'public.example, inner', 'x-forwarded-proto': 'https,http' },
    };
    expect(await answerOf({}, forwarded)).toBe(403);
    expect(await answerOf({ trustProxy: true }, forwarded)).toBe(200);
    vi.stubEnv('CLIENT_COST_TRUST_PROXY', 'true');
    expect(await answerOf({}, forwarded)).toBe(200);
    expect(await answerOf({ trustProxy: false }, forwarded)).toBe(403);
  });

  it('is the whole path, wherever the middleware is mounted', async () => {
    const app = express();
    const router = express.Router();
    router.use(twilioWebhook({ authToken: TOKEN }), (_request, response) => void response.end('in'));
    app.use('/deep/hooks', router);
    for (const watched of [true, false]) {
      attribute(watched);
      expect((await post(await serve(app), { fields, path: '/deep/hooks/sms?x=1' })).text).toBe('in');
    }
  });
});

describe('tokens and options', () => {
  it('accepts any of several tokens', async () => {
    const port = await serve(application('before the parser', { authToken: ['old', TOKEN] }));
    expect((await post(port, { fields: sms(60), token: 'old' })).status).toBe(200);
    expect((await post(port, { fields: sms(61) })).status).toBe(200);
    vi.stubEnv('TWILIO_AUTH_TOKEN', TOKEN);
    vi.stubEnv('CLIENT_COST_TWILIO_AUTH_TOKENS', 'sub1, sub2');
    const other = await serve(application('before the parser', { authToken: undefined }));
    expect((await post(other, { fields: sms(62), token: 'sub2' })).status).toBe(200);
    expect((await post(other, { fields: sms(63), token: 'sub3' })).status).toBe(403);
  });

  it('says what is missing or wrong when it is created', () => {
    vi.stubEnv('TWILIO_AUTH_TOKEN', '');
    expect(() => twilioWebhook()).toThrow(/TWILIO_AUTH_TOKEN.*authToken/);
    expect(() => twilioWebhook({ authToken: [] })).toThrow(/TWILIO_AUTH_TOKEN/);
    const authToken = TOKEN;
    expect(() => twilioWebhook({ authToken, url: '/sms' })).toThrow(/url must be.*"\/sms"/);
    expect(() => twilioWebhook({ authToken, publicUrl: 'api.example.com' })).toThrow(
      /publicUrl must be.*"api.example.com"/,
    );
    expect(() => twilioWebhook({ authToken, limit: 0 })).toThrow(/limit must be.*0/);
  });

  it('warns once of signatures that do not fit, naming the way out and nothing personal', async () => {
    const logger = { error() {}, warn: vi.fn(), info() {}, debug() {}, verbose() {} };
    diag.setLogger(logger, { suppressOverrideMessage: true });
    stops.push(() => diag.disable());
    const port = await serve(application('before the parser'));
    for (let i = 0; i < 3; i++) await post(port, { fields: sms(70), signature: 'x' });
    const said = logger.warn.mock.calls.map((each) => each.join(' ')).filter((text) => text.includes('Signature'));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('CLIENT_COST_PUBLIC_URL');
    expect(said[0]).not.toMatch(/415555|goodbye/);
  });

  it('verifies, and records nothing, where client-cost is switched off', async () => {
    setRecorder(undefined);
    setConfig({
      disabled: true,
      clientHeader: undefined,
      trustBaggage: 'own',
      ownHosts: [],
      pricesFile: undefined,
      startSdk: false,
    } as never);
    const port = await serve(application('before the parser'));
    expect((await post(port, { fields: sms(71) })).status).toBe(200);
    expect((await post(port, { fields: sms(71), signature: 'x' })).status).toBe(403);
  });
});
