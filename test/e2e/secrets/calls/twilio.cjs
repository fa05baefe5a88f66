const { mark, phone } = require('../marks.cjs');

/** Every kind of call of twilio-node that is measured, and one that is not. */
module.exports = async function twilio({ places, attempt, app }) {
  const make = (token = process.env.TWILIO_AUTH_TOKEN, base = places.twilio, more = {}) => {
    const client = require('twilio')(places.twilioAccount, token, { timeout: 2000, ...more });
    client.api.baseUrl = base;
    return client;
  };
  const client = make();
  const text = (name, more) => ({
    to: phone(`${name} to`),
    from: phone('twilio from'),
    body: `Hello ${mark(`${name} text`)}, your code is ready`,
    ...more,
  });
  const back = (name) => `${app}/status?who=${mark(`${name} callback`)}`;

  await attempt('text', () => client.messages.create(text('text', { statusCallback: back('text') })));
  await attempt('picture', () =>
    client.messages.create(
      text('picture', { mediaUrl: [`https://example.com/${mark('media url')}.png?sig=${mark('media signature')}`] }),
    ),
  );
  await attempt('template', () =>
    client.messages.create({
      to: phone('template to'),
      messagingServiceSid: 'MG00000000000000000000000000000001',
      contentSid: 'HX00000000000000000000000000000001',
      contentVariables: JSON.stringify({ 1: mark('template variable') }),
      body: mark('template text'),
    }),
  );
  await attempt('undeliverable', () =>
    client.messages.create(text('undeliverable', { statusCallback: back('failed') })),
  );
  await attempt('refused', () => client.messages.create(text('refused', { to: '' })));
  await attempt('an error that quotes the number', () => client.messages.create(text('quoted')));
  await attempt('a limit', () => client.messages.create(text('limited')));
  await attempt('a reset', () => client.messages.create(text('reset')));
  await attempt('an odd answer', () => client.messages.create(text('odd')));
  await attempt('no answer', () => make(undefined, undefined, { timeout: 60 }).messages.create(text('silent')));
  await attempt('retried', () =>
    make(undefined, undefined, { autoRetry: true, maxRetries: 1 }).messages.create(text('retried')),
  );
  await attempt('a wrong token', () => make(mark('wrong twilio token')).messages.create(text('wrong token')));
  await attempt('list', () => client.messages.list({ to: phone('text to'), limit: 3 }));
  await attempt('delete', async () => {
    const made = await client.messages.create(text('deleted'));
    await client.messages(made.sid).update({ body: '' });
    await client.messages(made.sid).remove();
  });
  await attempt('call', () =>
    client.calls.create({
      to: phone('call to'),
      from: phone('twilio from'),
      twiml: `<Response><Say>${mark('spoken')}</Say></Response>`,
      statusCallback: back('call'),
      record: true,
      recordingStatusCallback: back('recording'),
      callerId: phone('caller id'),
    }),
  );
  await attempt('call by URL', () =>
    client.calls.create({
      to: phone('call url to'),
      from: phone('twilio from'),
      url: `https://user:${mark('password in a URL')}@example.com/twiml?key=${mark('key in a URL')}`,
      sendDigits: mark('digits'),
    }),
  );
  await attempt('busy', () =>
    client.calls.create({
      to: phone('busy to'),
      from: phone('twilio from'),
      url: `https://example.com/${mark('twiml url')}`,
    }),
  );
  await attempt('number', () =>
    client.incomingPhoneNumbers.create({ phoneNumber: phone('bought'), friendlyName: mark('friendly name') }),
  );
  await attempt('release', async () => {
    const [number] = await client.incomingPhoneNumbers.list({ limit: 1 });
    if (number) await client.incomingPhoneNumbers(number.sid).remove();
  });
  await attempt('not measured', () =>
    client.addresses.create({ customerName: mark('customer'), street: mark('street') }),
  );
  for (const [index] of require('../hostile.cjs').ANSWERS.entries()) {
    await attempt(`malformed ${index}`, () =>
      make(undefined, `${places.hostile}/${index}`).messages.create(text('malformed text')),
    );
    await attempt(`malformed ${index}, call`, () =>
      make(undefined, `${places.hostile}/${index}`).calls.create({
        to: phone('malformed call'),
        from: phone('twilio from'),
        twiml: mark('malformed twiml'),
      }),
    );
  }
};
