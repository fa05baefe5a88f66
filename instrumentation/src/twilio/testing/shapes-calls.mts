import { show } from './show.mts';
import { type Any, callback, failure, from, type Shape, scheduled, sms, to, voice } from './world.mts';

/** Resources: made, read, changed, removed, listed. */
export const CALL_SHAPES: Record<string, Shape> = {
  create: async ({ client }) => show(await client().messages.create(sms)),
  'create is a plain promise': async ({ client }) => {
    const promise = client().messages.create(sms);
    const kind = [promise.constructor === Promise, Object.keys(promise)];
    await promise;
    return kind;
  },
  'create, callback': async ({ client }) => callback((done) => client().messages.create(sms, done)),
  'create, callback of an error': async ({ client }) =>
    callback((done) => client().messages.create({ ...sms, to: '+15005550001' }, done)),
  'create, then and finally': async ({ client }) => {
    const order: unknown[] = [];
    await client()
      .messages.create(sms)
      .then((message: Any) => order.push('then', message.status))
      .finally(() => order.push('finally'));
    return order;
  },
  'create with HTTP info': async ({ client }) => failure(() => client().messages.createWithHttpInfo(sms)),
  'create MMS': async ({ client }) =>
    show(await client().messages.create({ to, from, mediaUrl: ['https://x.example/i.png'] })),
  'create without params': async ({ client }) => failure(() => client().messages.create()),
  'many at once': async ({ client }) => {
    const api = client();
    const made = await Promise.all(Array.from({ length: 20 }, (_, i) => api.messages.create({ ...sms, body: `${i}` })));
    return made.map((message: Any) => message.body);
  },
  'scheduled and cancelled': async ({ client }) => {
    const api = client();
    const message = await api.messages.create({ ...scheduled, sendAt: new Date(Date.now() + 3_600_000) });
    const canceled = await api.messages(message.sid).update({ status: 'canceled' });
    return [
      message.status,
      canceled.status,
      await failure(() => api.messages(message.sid).update({ status: 'canceled' })),
    ];
  },
  'fetch, update, remove': async ({ client, standIn }) => {
    const api = client();
    const message = await api.messages.create({ ...sms, messagingServiceSid: scheduled.messagingServiceSid });
    await standIn.advance();
    const fetched = show(await api.messages(message.sid).fetch());
    const updated = show(await api.messages(message.sid).update({ body: '' }));
    const removed = await api.messages(message.sid).remove();
    return [fetched, updated, removed, await failure(() => api.messages(message.sid).fetch())];
  },
  'fetch, callback': async ({ client }) => {
    const api = client();
    const { sid } = await api.messages.create(sms);
    return callback((done) => api.messages(sid).fetch(done));
  },
  list: async ({ client, standIn }) => {
    const api = client();
    standIn.messages.clear();
    for (let i = 0; i < 5; i++) await api.messages.create({ ...sms, body: `${i}` });
    const all = await api.messages.list({ pageSize: 2 });
    const limited = await api.messages.list({ limit: 3 });
    return [
      all.map((message: Any) => message.body),
      show(limited),
      await callback((done) => api.messages.list({ limit: 1 }, done)),
    ];
  },
  each: async ({ client, standIn }) => {
    const api = client();
    standIn.messages.clear();
    for (let i = 0; i < 5; i++) await api.messages.create({ ...sms, body: `${i}` });
    const seen: unknown[] = [];
    await new Promise<void>((resolve) => {
      api.messages.each({ pageSize: 2, limit: 4, done: () => resolve() }, (message: Any) => seen.push(message.body));
    });
    const early: unknown[] = [];
    await api.messages.each((message: Any, done: Any) => {
      early.push(message.body);
      if (early.length === 2) done();
    });
    return [seen, early];
  },
  page: async ({ client, standIn }) => {
    const api = client();
    standIn.messages.clear();
    for (let i = 0; i < 3; i++) await api.messages.create({ ...sms, body: `${i}` });
    const page = await api.messages.page({ pageSize: 2 });
    const next = await page.nextPage();
    const back = await next.previousPage();
    const got = await api.messages.getPage(page.nextPageUrl);
    const bodies = (of: Any) => [of.constructor.name, of.instances.map((message: Any) => message.body), of.nextPageUrl];
    return [page, next, back, got].map(bodies).concat([[next.nextPage()]]);
  },
  'a call and its recording': async ({ client, standIn }) => {
    const api = client();
    const call = await api.calls.create(voice);
    const recording = await api.calls(call.sid).recordings.create();
    const stopped = await api.calls(call.sid).recordings('Twilio.CURRENT').update({ status: 'stopped' });
    const updated = await api.calls(call.sid).update({ status: 'completed' });
    await standIn.advance();
    const after = await api.calls(call.sid).fetch();
    return [call, recording, stopped, updated, after, await api.recordings.list({ limit: 1 })].map(show);
  },
  numbers: async ({ client }) => {
    const api = client();
    const local = await api.incomingPhoneNumbers.create({ phoneNumber: '+14155559876' });
    const taken = await failure(() => api.incomingPhoneNumbers.create({ phoneNumber: '+14155559876' }));
    const free = await api.incomingPhoneNumbers.tollFree.create({ phoneNumber: '+18335559876' });
    const updated = await api.incomingPhoneNumbers(local.sid).update({ friendlyName: 'x' });
    const removed = [
      await api.incomingPhoneNumbers(local.sid).remove(),
      await api.incomingPhoneNumbers(free.sid).remove(),
    ];
    return [
      show(local),
      taken,
      show(free),
      show(updated),
      removed,
      await failure(() => api.incomingPhoneNumbers(local.sid).remove()),
    ];
  },
};
