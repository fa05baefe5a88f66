// A service that makes every kind of call, loaded with --require by secrets.test.ts:
//   node --require @client-cost/instrumentation/register app.cjs [--password …] calls…
// Where the providers are is in the environment (STANDINS, JSON). It receives webhooks on a port that it tells its parent.
const { createServer } = require('node:http');
const { mark, planted } = require('./marks.cjs');
const { flush, recordUsage, usageContext, withClient } = require('@client-cost/instrumentation');

const places = JSON.parse(process.env.STANDINS ?? '{}');
const outcomes = {};

/** A call whose failure is the caller's, told to the parent by its name only. */
const attempt = (group) => async (name, run) => {
  try {
    await run();
    outcomes[`${group}: ${name}`] = 'ok';
  } catch (error) {
    outcomes[`${group}: ${name}`] =
      `failed: ${error?.constructor?.name ?? typeof error} ${error?.status ?? error?.code ?? ''}`.trim();
  }
};

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.setHeader('content-type', 'text/xml');
    response.end(`<Response><Message>${mark('answered by TwiML')}</Message></Response>`);
  });
});

server.listen(0, '127.0.0.1', async () => {
  const app = `http://127.0.0.1:${server.address().port}`;
  process.send({ app });
  await new Promise((resolve) => process.once('message', resolve));
  for (const group of process.argv.slice(2).filter((word) => /^[a-z0-9]+$/.test(word) && word.length < 10)) {
    const own = { ...places, hostile: places.hostile[group] };
    const tools = { places: own, app, attempt: attempt(group), flush, recordUsage, usageContext, withClient };
    await withClient('acme', () => require(`./calls/${group}.cjs`)(tools));
  }
  process.send({ made: true });
  await new Promise((resolve) => process.once('message', resolve)); // webhooks have come
  const delivered = await flush(Number(process.env.FLUSH_MS ?? 20_000));
  process.send({ outcomes, delivered, marks: [...planted.values()] });
  server.close();
  server.closeAllConnections();
  process.disconnect();
});
