const { ANSWERS, isObject } = require('../hostile.cjs');
const { mark, phone, card } = require('../marks.cjs');

/** Every kind of call of stripe-node that is measured, and some that are not; then its webhooks. */
module.exports = async function stripe({ places, attempt }) {
  const Stripe = require('stripe').default ?? require('stripe');
  const { hostname, port } = new URL(places.stripe);
  const make = (key, more) =>
    new Stripe(key, { host: hostname, port, protocol: 'http', maxNetworkRetries: 1, ...more });
  const client = make(`sk_test_${mark('stripe key')}`);
  const address = (name) => ({
    line1: `${mark(`${name} street`)} 1`,
    city: mark(`${name} city`),
    postal_code: mark(`${name} post code`),
    country: 'US',
  });
  const person = (name) => ({
    name: mark(`${name} name`),
    email: `${mark(`${name} mail`)}@example.com`,
    phone: phone(`${name} phone`),
    address: address(name),
  });
  const payment = (name, more) => ({
    amount: 2000,
    currency: 'usd',
    payment_method: 'pm_card_visa',
    confirm: true,
    description: `Order of ${mark(`${name} description`)}`,
    receipt_email: `${mark(`${name} receipt`)}@example.com`,
    statement_descriptor_suffix: mark(`${name} statement`),
    shipping: { name: mark(`${name} shipping`), phone: phone(`${name} shipping phone`), address: address(name) },
    metadata: { order: mark(`${name} order`) },
    ...more,
  });
  let charge;

  await attempt('customer', () =>
    client.customers.create({ ...person('customer'), metadata: { note: mark('customer note') } }),
  );
  await attempt('card', () =>
    client.paymentMethods.create({
      type: 'card',
      card: { number: card('card'), exp_month: 1, exp_year: 2030, cvc: '123' },
      billing_details: person('billing'),
    }),
  );
  await attempt('payment', async () => {
    const intent = await client.paymentIntents.create(
      payment('payment', { expand: ['latest_charge.balance_transaction'] }),
      {
        idempotencyKey: mark('idempotency key'),
      },
    );
    charge = typeof intent.latest_charge === 'string' ? intent.latest_charge : intent.latest_charge?.id;
  });
  await attempt('declined', () =>
    client.paymentIntents.create(payment('declined', { payment_method: 'pm_card_chargeDeclined' })),
  );
  await attempt('an error that quotes', () =>
    client.paymentIntents.create(payment('quoted', { payment_method: `pm_${mark('payment method')}` })),
  );
  await attempt('charge', () =>
    client.charges.create({
      amount: 500,
      currency: 'usd',
      source: `tok_${mark('card token')}`,
      description: mark('charge text'),
    }),
  );
  await attempt('charge with visa', () =>
    client.charges.create({ amount: 500, currency: 'usd', source: 'tok_visa', description: mark('charge text 2') }),
  );
  await attempt('refund', () =>
    client.refunds.create({
      charge,
      amount: 100,
      metadata: { why: mark('refund reason') },
      instructions_email: `${mark('refund mail')}@example.com`,
    }),
  );
  await attempt('search', () => client.charges.search({ query: `metadata["order"]:"${mark('stripe query')}"` }));
  await attempt('list', () => client.charges.list({ limit: 3 }));
  await attempt('retrieve', () => client.charges.retrieve(charge));
  await attempt('invoice', () =>
    client.invoices.create({ customer: `cus_${mark('customer id')}`, description: mark('invoice text') }),
  );
  await attempt('a wrong key', () =>
    make(`sk_wrong_${mark('wrong stripe key')}`).paymentIntents.create(payment('wrong key')),
  );
  await attempt('nobody there', () =>
    make(`sk_test_${mark('stripe key')}`, { port: 1, maxNetworkRetries: 0 }).paymentIntents.create(
      payment('nobody there'),
    ),
  );
  for (const [index, answer] of ANSWERS.entries()) {
    const { hostname: host, port: odd } = new URL(places.hostile);
    const hostile = make(`sk_test_${mark('stripe key')}`, { host, port: odd, maxNetworkRetries: 0 });
    if (!isObject(answer)) continue;
    await attempt(`malformed ${index}`, () =>
      hostile.rawRequest('POST', `/${index}/v1/payment_intents`, payment('malformed')),
    );
    await attempt(`malformed ${index}, measured`, () => hostile.paymentIntents.create(payment('malformed measured')));
  }
  for (const { body, signature } of JSON.parse(process.env.STRIPE_EVENTS ?? '[]')) {
    const secret = `whsec_${mark('stripe webhook secret')}`;
    await attempt('webhook', async () => client.webhooks.constructEvent(body, signature, secret));
    await attempt('webhook, asynchronous', () => client.webhooks.constructEventAsync(body, signature, secret));
    await attempt('forged webhook', async () =>
      client.webhooks.constructEvent(body, `t=1,v1=${mark('forged')}`, secret),
    );
    await attempt('odd webhook', async () =>
      client.webhooks.constructEvent(`{"x":"${mark('odd webhook')}`, signature, secret),
    );
  }
};
