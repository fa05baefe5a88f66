import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ADA, startTestService, type TestService } from '../server/testing/service.ts';
import { acknowledgeUrl } from './token.ts';

let service: TestService;
beforeEach(async () => {
  service = await startTestService();
});
afterEach(() => service.close());

const KEY = 'threshold:critical:2026-11:acme';
const FORM = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' };
const acknowledged = () =>
  service.rows('SELECT acknowledged_by AS by, acknowledged_how AS how FROM alerts ORDER BY id');
const path = (url: string) => new URL(url).pathname;

async function fire(alert: Record<string, string> = {}): Promise<string> {
  await service.webhook([alert]);
  await service.idle();
  return path(acknowledgeUrl(service.config, { key: KEY }, service.now())!);
}

test('the link on the fired event opens the page; opening it changes nothing', async () => {
  await fire({ name: '<b>Acme & "Sons"</b>', summary: 'Monthly <script>alert(1)</script>' });
  const [event] = service.rows<{ row: string }>("SELECT row FROM events WHERE event = 'fired'");
  const { acknowledge_url: url } = JSON.parse(event!.row) as { acknowledge_url: string };
  for (const method of ['GET', 'HEAD', 'GET']) expect((await fetch(url, { method })).status).toBe(200);
  const answer = await fetch(url);
  const page = await answer.text();
  expect(page).toContain('&lt;b&gt;Acme &amp; &quot;Sons&quot;&lt;/b&gt;');
  expect(page).not.toMatch(/<b>|<script|https?:\/\/|url\(|@import/);
  expect(page).toContain('<dt>Month to date</dt><dd>$104.50</dd>');
  expect(page).toContain('<form method="post">');
  const headers = Object.fromEntries(answer.headers);
  expect(headers).toMatchObject({
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-robots-tag': 'noindex, nofollow',
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
  });
  expect(headers['content-security-policy']).toMatch(
    /^default-src 'none'; style-src 'sha256-.*form-action 'self'; frame-ancestors 'none'/,
  );
  // A browser applies the style only with the very hash.
  const style = /<style>(.*)<\/style>/s.exec(page)?.[1] ?? '';
  expect(headers['content-security-policy']).toContain(
    `'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  );
  expect(acknowledged()).toEqual([{ by: null, how: null }]);
});

test('the form acknowledges once; who comes second reads who was first', async () => {
  const link = await fire();
  const first = await service.post(link, 'by=Grace+Hopper&how=link', FORM);
  expect(first.status).toBe(303);
  const page = await (await fetch(new URL(first.headers.get('location')!, `${service.url}${link}`))).text();
  expect(page).toContain('Acknowledged by Grace Hopper');
  expect(page).not.toContain('<form');
  await service.post(link, 'by=Mallory', FORM);
  expect(acknowledged()).toEqual([{ by: 'Grace Hopper', how: 'link' }]);
});

test('from the dashboard the name is filled in, and how says so', async () => {
  const link = await fire();
  const page = await (await fetch(`${service.url}${link}?by=${encodeURIComponent('ada"><x')}`)).text();
  expect(page).toContain('value="ada&quot;&gt;&lt;x"');
  expect(page).toContain('<input type="hidden" name="how" value="dashboard">');
  await service.post(`${link}?by=ada`, 'by=ada&how=dashboard', FORM);
  expect(acknowledged()).toEqual([{ by: 'ada', how: 'dashboard' }]);
});

test('a program gets JSON', async () => {
  const link = await fire();
  const post = (body: string, type = 'application/x-www-form-urlencoded') =>
    service.post(link, body, { 'content-type': type, accept: 'application/json' });
  const missing = await post('how=command');
  expect([missing.status, await missing.json()]).toEqual([400, { error: expect.stringMatching(/^by: /) }]);
  const done = await post('by=ci&how=command');
  expect([done.status, await done.json()]).toMatchObject([
    200,
    { acknowledged: [{ key: KEY, by: 'ci', how: 'command' }], already: [], resolved: [] },
  ]);
  const again = await post(JSON.stringify({ by: 'other', how: 'command' }), 'application/json');
  expect(await again.json()).toMatchObject({ acknowledged: [], already: [{ key: KEY, by: 'ci', how: 'command' }] });
  await service.webhook([{ status: 'resolved' }]);
  await fire({ client: 'acme' });
});

test.each(['', '%20%20', '%00%01', '%2B14035551234', '---', '403+555+1234', '5551234', 'me+(403)+555-1234'])(
  'the name %j is not taken',
  async (name) => {
    const link = await fire();
    const answer = await service.post(link, `by=${name}`, FORM);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('Please give your name');
    expect(acknowledged()).toEqual([{ by: null, how: null }]);
  },
);

test('a login with digits is a name', async () => {
  const link = await fire();
  await service.post(link, 'by=ci-20261122', FORM);
  expect(acknowledged()).toEqual([{ by: 'ci-20261122', how: 'link' }]);
});

test('forged, broken and foreign links are 404, expired ones 410, and neither says more', async () => {
  const link = await fire();
  const none = path(acknowledgeUrl(service.config, { key: 'threshold:critical:2026-11:nobody' }, service.now())!);
  const other = path(acknowledgeUrl({ ...service.config, linkSecret: 'another' }, { key: KEY }, service.now())!);
  for (const bad of [none, other, `${link}x`, '/a/x', '/a/%00', '/a/..%2f..']) {
    for (const answer of [await fetch(`${service.url}${bad}`), await service.post(bad, 'by=x', FORM)]) {
      expect([bad, answer.status, /acme/i.test(await answer.text())]).toEqual([bad, 404, false]);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
  }
  service.ahead = (service.config.linkSeconds + 120) * 1000;
  for (const answer of [await fetch(`${service.url}${link}`), await service.post(link, 'by=x', FORM)]) {
    expect([answer.status, /This link has expired/.test(await answer.text())]).toEqual([410, true]);
  }
  expect(acknowledged()).toEqual([{ by: null, how: null }]);
});

test('the link in a text acknowledges all that the text told about', async () => {
  await service.webhook([{}, { client: 'beta', name: 'Beta' }]);
  await service.idle();
  expect(service.texts()).toHaveLength(1);
  const [{ code } = { code: '' }] = service.rows<{ code: string }>('SELECT code FROM messages WHERE phone = ?', ADA);
  const link = path(acknowledgeUrl(service.config, { code }, service.now())!);
  expect(await (await fetch(`${service.url}${link}`)).text()).toContain('Acknowledge 2 alerts');
  await service.post(link, 'by=grace', FORM);
  expect(acknowledged()).toEqual([
    { by: 'grace', how: 'link' },
    { by: 'grace', how: 'link' },
  ]);
});

test('a big form is refused', async () => {
  const link = await fire();
  expect((await service.post(link, `by=${'x'.repeat(10_000)}`, FORM)).status).toBe(413);
});
