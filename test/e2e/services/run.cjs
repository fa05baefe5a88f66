// A service that makes the calls of one input.json, each for its client, loaded with --require by services.test.ts:
//   node --require @client-cost/instrumentation/register run.cjs input.json
// Where the providers are is in the environment (STANDINS, JSON). It also receives Twilio's webhooks, on a port that it tells its parent.
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');
const { flush, recordUsage, setClient, usageContext, withClient } = require('@client-cost/instrumentation');

const places = JSON.parse(process.env.STANDINS ?? '{}');
const saved = {};
const lazy = (make) => {
  let value;
  return () => (value ??= make());
};

const DRIVERS = {
  record: lazy(() => ({ call: async (_do, args) => recordUsage(args[0]) })),
  openai: lazy(() => method(new (require('openai'))({ apiKey: 'sk-test', baseURL: places.openai }))),
  twilio: lazy(() => {
    const client = require('twilio')(places.twilioAccount, process.env.TWILIO_AUTH_TOKEN);
    client.api.baseUrl = places.twilio;
    return method(client);
  }),
  stripe: lazy(() => {
    const Stripe = require('stripe').default ?? require('stripe');
    const { hostname, port } = new URL(places.stripe);
    return method(new Stripe('sk_test_1', { host: hostname, port, protocol: 'http', maxNetworkRetries: 1 }));
  }),
  s3: lazy(() => {
    const sdk = require('@aws-sdk/client-s3');
    const client = new sdk.S3Client({
      region: 'auto',
      endpoint: places.r2,
      forcePathStyle: true,
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    });
    return {
      async call(command, args) {
        const answer = await client.send(new sdk[command](args[0]));
        if (answer.Body) await answer.Body.transformToString();
        return answer;
      },
    };
  }),
  upload: lazy(() => {
    const { S3Client } = require('@aws-sdk/client-s3');
    const { Upload } = require('@aws-sdk/lib-storage');
    const client = new S3Client({
      region: 'auto',
      endpoint: places.r2,
      forcePathStyle: true,
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    });
    return {
      call: (_do, [{ megabytes, ...params }]) =>
        new Upload({ client, params: { ...params, Body: Buffer.alloc(megabytes * 1024 * 1024) } }).done(),
    };
  }),
  maps: lazy(() => {
    const { Client } = require('@googlemaps/google-maps-services-js');
    return method(new Client({}));
  }),
  fetch: lazy(() => ({
    async call(url, args) {
      const response = await fetch(url, args[0]);
      await response.text();
      return { status: response.status };
    },
  })),
};

/** `messages('SM…').remove` and the like, by a path of names; a name in parentheses is called with what was saved. */
function method(root) {
  return {
    call(path, args) {
      let owner = root;
      let value = root;
      for (const name of path.split('.')) {
        const called = /^(\w+)\((\w+)\)$/.exec(name);
        owner = value;
        value = called ? value[called[1]](saved[called[2]]) : value[name];
      }
      return value.apply(owner, args);
    },
  };
}

const fill = (value, app) =>
  JSON.parse(
    JSON.stringify(value).replace(/\{\{(\w+)(?:\.(\w+))?\}\}/g, (_all, name, field) =>
      name === 'app' ? app : field === undefined ? (places[name] ?? saved[name]) : saved[name][field],
    ),
  );

async function one({ client, with: driver, do: what = '', args = [], save, pick = 'sid', fails, wait, scope }, app) {
  if (wait !== undefined) return sleep(wait);
  const run = () => DRIVERS[driver]().call(fill(what, app), fill(args, app));
  const scoped = () => (scope === undefined ? run() : usageContext(scope, run));
  const done = Promise.resolve(client === undefined ? scoped() : withClient(client, scoped));
  const outcome = await done.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  if ((outcome.error !== undefined) !== (fails === true)) throw outcome.error ?? new Error(`${what} did not fail`);
  if (save !== undefined) saved[save] = pick === '' ? outcome.value : outcome.value[pick];
}

// The application's webhooks: who pays is in the path, as an application would know it by the number.
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    const client = /client=([\w-]+)/.exec(request.url)?.[1];
    if (client !== undefined) setClient(client);
    response.setHeader('content-type', 'text/xml');
    response.end('<Response/>');
  });
});

server.listen(0, '127.0.0.1', async () => {
  const app = `http://127.0.0.1:${server.address().port}`;
  process.send?.({ app });
  await new Promise((resolve) => process.once('message', resolve)); // the parent knows where we are
  const { calls, then = [] } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
  for (const call of calls) await one(call, app);
  process.send?.({ made: true });
  await new Promise((resolve) => process.once('message', resolve)); // callbacks have come
  for (const call of then) await one(call, app);
  if (!(await flush(20_000))) throw new Error('not everything was delivered');
  server.close();
  server.closeAllConnections();
  process.disconnect();
});
