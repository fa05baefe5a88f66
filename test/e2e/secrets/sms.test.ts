import { afterEach, expect, test } from 'vitest';
import { codeOf, startTestService, type TestService } from '../../../grafana/src/sms/server/testing/service.ts';
import { marks } from './providers.ts';
import { Search } from './search.ts';

// The SMS service has to know numbers and secrets. They are in its outbox (numbers only) and nowhere else.

const { mark, phone, planted } = marks;
let service: TestService;
afterEach(() => service?.close());

test('numbers and secrets of the SMS service are in no log, metric, page or answer, and of secrets none in its file', async () => {
  const ada = phone('on call');
  service = await startTestService({
    env: {
      CLIENT_COST_ON_CALL: `ada=${ada};bob=${phone('on call next')}`,
      CLIENT_COST_SMS_LINK_SECRET: mark('link secret'),
      GRAFANA_URL: 'http://127.0.0.1:1',
      GRAFANA_TOKEN: mark('Grafana token'),
      CLICKHOUSE_URL: 'http://127.0.0.1:1',
      CLICKHOUSE_PASSWORD: mark('password of ClickHouse of texts'),
    },
    twilio: {
      // Every second request fails, and quotes what was sent.
      failures: ({ index, form }) =>
        index % 2 === 0
          ? { status: 400, code: 21610, message: `${form.get('To')} (${mark('quoted by Twilio')})` }
          : undefined,
    },
  });
  const said: string[] = [];
  const keep = async (answer: Response) => void said.push(await answer.text(), JSON.stringify([...answer.headers]));
  for (const client of ['acme', 'globex', 'initech']) await keep(await service.webhook([{ client }]));
  await service.idle();
  await keep(
    await service.post('/webhooks/grafana', mark('forged webhook'), {
      'x-grafana-alerting-signature': mark('signature'),
    }),
  );
  await keep(
    await service.post('/twilio/incoming', `From=${phone('forger of texts')}&Body=${mark('forged body')}`, {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': mark('forged Twilio signature'),
    }),
  );
  await keep(
    await fetch(`${service.url}/a/${mark('forged link')}`, {
      headers: { cookie: mark('cookie'), authorization: mark('authorization') },
    }),
  );
  // Somebody who is not on call, and who is.
  said.push(await service.reply(phone('stranger'), `Hello ${mark('text of a stranger')}`));
  said.push(await service.reply(ada, mark('words of ada')));
  const text = service.texts().at(-1);
  if (text !== undefined) said.push(await service.reply(text.to, codeOf(text.body)));
  await service.idle();
  for (const path of ['/metrics', '/healthz', '/nothing']) await keep(await fetch(service.url + path));

  const search = new Search(planted.values());
  const leaks = (where: string, data: string) =>
    search.find(data).map((found) => `${where}: ${found.mark}: ${found.context}`);
  expect(service.logged.length).toBeGreaterThan(5);
  expect([...leaks('log', service.logged.join('\n')), ...leaks('answers', said.join('\n'))]).toEqual([]);

  const tables = service.rows<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  );
  const dump = tables.map(({ name }) => JSON.stringify(service.rows(`SELECT * FROM "${name}"`))).join('\n');
  const inFile = new Set(search.find(dump).map((found) => found.mark));
  // The outbox knows who is texted: that it is found shows that the search works.
  expect(inFile).toContain('on call');
  inFile.delete('on call');
  inFile.delete('on call next');
  expect([...inFile]).toEqual([]);
});
