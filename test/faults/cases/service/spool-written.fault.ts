import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import {
  createGooglePlacesStandIn,
  createOcrStandIn,
  createOpenAIStandIn,
  createR2StandIn,
  createStripeStandIn,
  createTwilioStandIn,
} from '../../../../examples/dist/stand-ins/index.js';
import { startCaller } from '../../support/caller.ts';
import type { Fault } from '../../support/fault.ts';
import { SHAPES, type WrittenPlaces } from '../../support/service-shapes.ts';
import { eventsIn } from '../../support/service-spool.ts';
import type { Written } from '../../support/service-written.ts';

const SECRET = 'whsec_spool_written';

/** All providers, and what a service needs to find them. */
async function startProviders(dir: string) {
  const [openai, twilio, stripe, places, r2, ocr] = await Promise.all([
    createOpenAIStandIn({ record: false }),
    createTwilioStandIn({ record: false }),
    createStripeStandIn({ record: false }),
    createGooglePlacesStandIn({ record: false }),
    createR2StandIn({ record: false, buckets: ['files'] }),
    createOcrStandIn(),
  ]);
  r2.store('files', 'there', 'content');
  const rules = `${dir}/providers.json`;
  const operation = {
    ...{ operation: 'ocr', method: 'POST', path: '/v1/ocr', unit: 'page' },
    quantity: { from: 'response.json', path: '$.usage_info.pages_processed' },
  };
  const host = `127.0.0.1:${ocr.port}`;
  writeFileSync(
    rules,
    JSON.stringify({ providers: [{ service: 'mistral_ocr', hosts: [host], operations: [operation] }] }),
  );
  const stripeEvent = async () => {
    // A payment that no call of the service made.
    const body = 'amount=900&currency=usd&confirm=true&payment_method=pm_card_visa';
    const headers = { authorization: 'Bearer sk_test_1', 'content-type': 'application/x-www-form-urlencoded' };
    await fetch(`${stripe.url}/v1/payment_intents`, { method: 'POST', headers, body });
    const event = stripe.events.findLast(({ type }) => type === 'charge.succeeded')!;
    return stripe.webhook(event, SECRET, Math.floor(Date.now() / 1000));
  };
  return {
    openaiUrl: openai.url,
    async env() {
      const standIns: WrittenPlaces = {
        openai: openai.url,
        twilio: { url: twilio.url, account: twilio.accountSid, token: twilio.authToken },
        stripe: stripe.url,
        places: places.url,
        r2: r2.url,
        ocr: ocr.url,
        stripeSecret: SECRET,
        stripeEvents: [await stripeEvent(), await stripeEvent()],
      };
      return {
        SERVICE_STAND_INS: JSON.stringify(standIns),
        CLIENT_COST_HTTP_PROVIDERS: rules,
        TWILIO_AUTH_TOKEN: twilio.authToken,
        CLIENT_COST_PROVIDER_HOSTS: [
          `127.0.0.1:${openai.port}=openai`,
          `127.0.0.1:${places.port}=google_places`,
          `127.0.0.1:${r2.port}=cloudflare_r2`,
        ].join(','),
        // Nobody takes the events: all stay in the spool.
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_METRICS_EXPORTER: 'none',
        CLIENT_COST_EXIT_TIMEOUT_MS: '0',
      };
    },
    close: () => Promise.all([openai, twilio, stripe, places, r2, ocr].map((standIn) => standIn.close())),
  };
}

const fault: Fault = {
  id: 'spool-written',
  hop: 'service',
  fault: 'kill -9 in the statement right after the awaited call, for every way to make a billable call',
  promises: ['spool-written', 'spool-killed'],
  times: { short: 1, long: 2 },
  async run({ dir, times, log }) {
    const providers = await startProviders(dir);
    const wrong: string[] = [];
    let lost = 0;
    let doubled = 0;
    const start = async (spoolDir: string, mark: 'look' | 'kill', shapes: readonly string[]) => {
      mkdirSync(spoolDir);
      const env = { ...(await providers.env()), SERVICE_MARK: mark };
      const script = new URL('../../support/service-written.ts', import.meta.url).pathname;
      const caller = await startCaller({ dir, spoolDir, env, script, standInUrl: providers.openaiUrl });
      const told: Written[] = [];
      caller.process.on('message', (message: Written) => {
        told.push(message);
        log(JSON.stringify(message));
      });
      caller.process.send({ shapes });
      await caller.ended;
      return { told, events: eventsIn(spoolDir).length, said: caller.said() };
    };
    try {
      const names = Object.keys(SHAPES);
      // All in one process, which looks into the spool where it would be killed.
      const { told, said } = await start(`${dir}/looked`, 'look', names);
      for (const name of names) {
        const { events } = SHAPES[name]!;
        const written = told.find(({ shape }) => shape === name);
        const { atMark = -1, later = -1 } = written ?? {};
        log(`${name}: ${atMark} written, ${later} later, of ${events}`);
        lost += Math.max(0, events - atMark);
        doubled += Math.max(0, later - events);
        if (atMark !== events || later !== events) {
          const why = told.find(({ shape }) => shape.startsWith(`${name} (`))?.shape ?? said.slice(-300);
          wrong.push(
            `${name}: ${atMark} of ${events} events written when it returned, ${later} later ${written ? '' : why}`,
          );
        }
      }
      // Each in a process of its own that is killed; the short form believes the look.
      let tries = names.length;
      for (const [index, name] of (times > 1 ? names : names.filter((_, i) => i % 20 === 0)).entries()) {
        const spoolDir = `${dir}/killed-${index}`;
        const { events, told: survived } = await start(spoolDir, 'kill', [name]);
        tries += 1;
        lost += Math.max(0, SHAPES[name]!.events - events);
        doubled += Math.max(0, events - SHAPES[name]!.events);
        if (events !== SHAPES[name]!.events)
          wrong.push(`${name}, killed: ${events} events ${JSON.stringify(survived)}`);
        rmSync(spoolDir, { recursive: true });
      }
      return { tries, events: tries, lost, doubled, wrong, remark: `${names.length} ways` };
    } finally {
      await providers.close();
    }
  },
};
export default fault;
