import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLedgerClient } from '@client-cost/clickhouse';
import { freePorts, type Stack } from '@client-cost/clickhouse/stack';
import { readSmsConfig, startSmsService } from '@client-cost/grafana/sms';
import { createTwilioStandIn } from '../stand-ins/index.ts';

/** Twilio's own numbers for tests. */
const ON_CALL = '+15005550100';
const SENDER = '+15005550006';
const WEBHOOK_SECRET = 'demo-webhook-secret';
const DEADLINE_MS = 30_000;

export interface DemoPager {
  /** What `client-cost alerts check` needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Waits for the text that speaks of `name` with severity critical, and gives it. */
  text(name: string): Promise<string>;
  /** The person on call answers; gives what comes back. */
  reply(body: string): Promise<string>;
  /** Waits until the ledger says that the alert is acknowledged; gives by whom and how. */
  acknowledged(alertKey: string): Promise<{ by: string; how: string }>;
  close(): Promise<void>;
}

/** The SMS contact point in front of a Twilio that is played on this machine. */
export async function startPager(stack: Stack, dataDir: string): Promise<DemoPager> {
  const twilio = await createTwilioStandIn();
  // Before the service listens: links and Twilio's signatures need its address.
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const { CLICKHOUSE_URL, CLICKHOUSE_USER, CLICKHOUSE_PASSWORD, CLICKHOUSE_DATABASE } = stack.clientEnv;
  const config = readSmsConfig({
    CLICKHOUSE_URL,
    CLICKHOUSE_USER,
    CLICKHOUSE_PASSWORD,
    CLICKHOUSE_DATABASE,
    CLIENT_COST_SMS_PORT: String(port),
    CLIENT_COST_SMS_PUBLIC_URL: url,
    CLIENT_COST_SMS_DATABASE: join(dataDir, 'sms.sqlite'),
    CLIENT_COST_ALERT_WEBHOOK_SECRET: WEBHOOK_SECRET,
    CLIENT_COST_SMS_LINK_SECRET: 'demo-link-secret-demo-link-secret',
    CLIENT_COST_ON_CALL: `ada=${ON_CALL}`,
    CLIENT_COST_TWILIO_API_URL: twilio.url,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_PHONE_NUMBER: SENDER,
  });
  const service = await startSmsService(config, { log: SILENT });
  const ledger = createLedgerClient(stack.clickhouse);
  return {
    env: { CLIENT_COST_ALERT_WEBHOOK_URL: `${url}/webhooks/grafana`, CLIENT_COST_ALERT_WEBHOOK_SECRET: WEBHOOK_SECRET },
    text: (name) =>
      within(`a text about ${name}`, async () =>
        [...twilio.messages.values()].map(({ body }) => String(body)).find((body) => body.includes(name)),
      ),
    reply: async (body) => {
      const answer = await twilio.receiveSms({ to: SENDER, from: ON_CALL, body, url: `${url}/twilio/incoming` });
      if (answer.status !== 200) throw new Error(`The SMS service answered Twilio's webhook with ${answer.status}`);
      return /<Message>(.*?)<\/Message>/s.exec(answer.body)?.[1] ?? '';
    },
    acknowledged: (alertKey) =>
      within('the acknowledgement in the ledger', async () => {
        const found = await ledger.query({
          query:
            "SELECT acknowledged_by AS by, acknowledged_how AS how FROM usage_alerts_current WHERE alert_key = {alertKey:String} AND status = 'acknowledged'",
          query_params: { alertKey },
          format: 'JSONEachRow',
        });
        return (await found.json<{ by: string; how: string }>())[0];
      }),
    close: async () => {
      await service.close();
      await ledger.close();
      await twilio.close();
    },
  };
}

const SILENT = { info() {}, warn() {}, error() {} };

async function within<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`Waited ${DEADLINE_MS / 1000} s in vain for ${what}`);
    await sleep(100);
  }
}
