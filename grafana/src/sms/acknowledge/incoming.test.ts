import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADA, BOB, codeOf, startTestService, type TestService } from '../server/testing/service.ts';

const STRANGER = '+14035559999';
let service: TestService;
beforeEach(async () => {
  service = await startTestService();
});
afterEach(() => service.close());

const alerts = () =>
  service.rows<{ key: string; acknowledged_by: string | null }>('SELECT key, acknowledged_by FROM alerts ORDER BY id');
const textTo = (phone: string) => service.texts().findLast(({ to }) => to === phone)?.body;

async function fire(...clients: string[]): Promise<string> {
  await service.webhook(clients.map((client) => ({ client, name: `${client} Ltd` })));
  await service.idle();
  return codeOf(textTo(ADA));
}

describe('a text that comes in', () => {
  test('without a code acknowledges when one alert waits for this person', async () => {
    await fire('acme');
    expect(await service.reply(ADA, 'ok')).toMatch(/^Acknowledged\. .*acme Ltd/);
    expect(alerts()).toMatchObject([{ acknowledged_by: 'ada' }]);
    expect(await service.reply(ADA, 'ok')).toBe('No alert waits for an answer.');
  });

  test('without a code says which codes there are when several wait; ALL takes them all', async () => {
    const first = await fire('acme');
    const second = await fire('beta');
    const reply = await service.reply(ADA, 'yes');
    expect(reply).toBe(`To acknowledge, reply with its code: ${second} (beta Ltd), ${first} (acme Ltd), or ALL.`);
    expect(alerts()).toMatchObject([{ acknowledged_by: null }, { acknowledged_by: null }]);
    expect(await service.reply(ADA, 'ack all')).toMatch(/^Acknowledged\. .*\+1 more$/);
    expect(alerts()).toMatchObject([{ acknowledged_by: 'ada' }, { acknowledged_by: 'ada' }]);
  });

  test('that is not understood is answered with the way out', async () => {
    const code = await fire('acme');
    expect(await service.reply(ADA, 'what is this?')).toBe(`To acknowledge, reply with its code: ${code} (acme Ltd).`);
    expect(await service.reply(ADA, '1111')).toBe(
      `1111 is no code of a text to you. To acknowledge, reply with its code: ${code} (acme Ltd).`,
    );
    expect(await service.reply(ADA, 'HELP')).toMatch(/^client-cost usage alerts\. To acknowledge/);
    expect(alerts()).toMatchObject([{ acknowledged_by: null }]);
  });

  test('of a stranger is not answered, whatever it says, and does nothing', async () => {
    const code = await fire('acme');
    for (const body of [code, 'ok', 'help', 'all', 'who?'])
      expect([body, await service.reply(STRANGER, body)]).toEqual([body, '']);
    expect(alerts()).toMatchObject([{ acknowledged_by: null }]);
    expect(await (await fetch(`${service.url}/metrics`)).text()).toMatch(
      /callbacks_total\{kind="incoming",result="stranger"\} 5/,
    );
  });

  test('of somebody on call with a code that went to another: as if the code did not exist', async () => {
    const code = await fire('acme');
    const guess = code === '5555' ? '6666' : '5555';
    const theirs = await service.reply(BOB, code);
    expect(theirs.replace(code, '…')).toBe((await service.reply(BOB, guess)).replace(guess, '…'));
    expect(theirs).not.toContain('acme');
    expect(alerts()).toMatchObject([{ acknowledged_by: null }]);
  });

  test('delivered twice acts once and is answered the same', async () => {
    const code = await fire('acme');
    const params = { MessageSid: `SM${'7'.repeat(32)}` };
    const first = await service.reply(ADA, code, params);
    expect(first).toMatch(/^Acknowledged/);
    expect(await service.reply(ADA, code, params)).toBe(first);
    expect(service.rows("SELECT id FROM events WHERE event = 'acknowledged'")).toHaveLength(1);
  });

  test('after somebody else acknowledged says who did, and when; after the end, that it is over', async () => {
    const code = await fire('acme');
    service.ahead = 16 * 60_000;
    await service.webhook([{ client: 'nobody', status: 'resolved' }]);
    await service.idle();
    expect(codeOf(textTo(BOB))).toBe(code);
    await service.reply(BOB, code);
    expect(await service.reply(ADA, code)).toMatch(
      /^Already acknowledged by bob, \d\d:\d\d UTC: acme Ltd: Monthly usage/,
    );
    const second = await fire('beta');
    await service.webhook([{ client: 'beta', name: 'beta Ltd', status: 'resolved' }]);
    expect(await service.reply(ADA, second)).toMatch(/^Over since \d\d:\d\d UTC: beta Ltd/);
  });
});

describe('STOP and START', () => {
  test('STOP is obeyed and not answered; alerts go to the next person at once; START brings them back', async () => {
    await fire('acme');
    expect(await service.reply(ADA, 'Stop')).toBe('');
    await service.idle();
    expect(textTo(BOB)).toMatch(/acme Ltd/);
    expect(
      service.rows(
        "SELECT recipient FROM (SELECT json_extract(row, '$.recipient') AS recipient, event FROM events) WHERE event = 'escalated'",
      ),
    ).toEqual([{ recipient: 'bob' }]);
    expect(service.logged.join('')).toMatch(/"contact":"ada".*answered STOP/);

    await service.webhook([{ client: 'beta', name: 'beta Ltd' }]);
    await service.idle();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await service.idle();
    expect(textTo(BOB)).toMatch(/beta Ltd/);
    expect(service.texts().filter(({ to }) => to === ADA)).toHaveLength(1);

    expect(await service.reply(ADA, 'START')).toBe('');
    await service.webhook([{ client: 'gamma', name: 'gamma Ltd' }]);
    await service.idle();
    expect(textTo(ADA)).toMatch(/gamma Ltd/);
  });

  test('STOP. with a full stop is obeyed as well, and answered, since Twilio does not', async () => {
    expect(await service.reply(ADA, 'Stop.')).toMatch(/START gets them again/);
    expect(service.rows('SELECT count(*) AS n FROM stopped')).toEqual([{ n: 1 }]);
  });

  test('YES acknowledges for who gets texts, and is START for who said STOP', async () => {
    await fire('acme');
    expect(await service.reply(ADA, 'YES')).toMatch(/^Acknowledged/);
    await service.reply(ADA, 'STOP');
    expect(await service.reply(ADA, 'YES')).toBe('');
    expect(service.rows('SELECT count(*) AS n FROM stopped')).toEqual([{ n: 0 }]);
  });

  test("a stranger's STOP is kept, for the day that this number is on call", async () => {
    expect(await service.reply(STRANGER, 'STOP')).toBe('');
    expect(service.rows('SELECT phone FROM stopped')).toEqual([{ phone: STRANGER }]);
  });
});

test('no number and no secret is logged or exported, whatever happens', async () => {
  const code = await fire('acme');
  await service.reply(STRANGER, 'hello');
  await service.reply(BOB, code);
  await service.reply(ADA, 'STOP');
  await service.idle();
  const out =
    service.logged.join('') +
    JSON.stringify(service.rows('SELECT row FROM events')) +
    (await (await fetch(`${service.url}/metrics`)).text()) +
    (await (await fetch(`${service.url}/healthz`)).text());
  expect(out).not.toMatch(/4?035555?1234|5555678|5559999|5550000/);
  for (const secret of [service.config.webhookSecret, service.config.linkSecret, service.config.twilio.authToken])
    expect(out).not.toContain(secret);
});
