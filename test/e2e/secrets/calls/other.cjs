const http = require('node:http');
const { mark, own, phone } = require('../marks.cjs');

/** An API by a providers file, `recordUsage`, and what an application does beside. */
module.exports = async function other({ places, attempt, withClient, usageContext, recordUsage }) {
  const headers = (key) => ({
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    cookie: mark('ocr cookie'),
  });
  const ocr = async (base, name, path = '/v1/ocr', more = {}) => {
    const url = `${base}${path}?token=${mark(`${name} token`)}`;
    const body = JSON.stringify({
      model: 'mistral-ocr-latest',
      document: { type: 'document_url', document_url: `https://example.com/${mark(`${name} document`)}.pdf` },
      note: mark(`${name} note`),
    });
    const response = await fetch(url, { method: 'POST', headers: headers(mark('ocr key')), body, ...more });
    return response.text();
  };
  await attempt('ocr', () => ocr(places.ocr, 'ocr'));
  await attempt('ocr with a wrong key', () =>
    ocr(places.ocr, 'wrong', '/v1/ocr', { headers: headers(`wrong${mark('wrong ocr key')}`) }),
  );
  await attempt('unknown path', () => ocr(places.ocr, 'unknown', `/v1/agents/${mark('id in a path')}`));
  await attempt(
    'unknown path, node:http',
    () =>
      new Promise((resolve, reject) => {
        const url = `${places.ocr.replace('http://', `http://${mark('user of a URL')}:${mark('password of a URL')}@`)}/v1/files/${mark('file in a path')}`;
        http
          .get(url, { headers: { 'x-api-key': mark('ocr header key') } }, (response) =>
            response.resume().on('end', resolve),
          )
          .on('error', reject);
      }),
  );
  for (const [index] of require('../hostile.cjs').ANSWERS.entries()) {
    await attempt(`malformed ${index}`, () => ocr(`${places.hostile}/${index}`, 'malformed'));
  }
  await attempt('refused connection', () => ocr('http://127.0.0.1:1', 'refused'));

  // What a user gives in order to have it recorded.
  await withClient(own('client'), () =>
    usageContext(
      {
        leadId: own('lead'),
        messageId: own('message'),
        flowExecutionId: own('flow'),
        metadata: { plan: own('metadata') },
      },
      async () =>
        recordUsage({ service: 'own_service', operation: 'page', cost: '0.01', externalId: own('external id') }),
    ),
  );
  await attempt('a callback that throws', () =>
    withClient(own('throwing client'), () => {
      throw new Error(`${mark('thrown by a callback')} ${phone('thrown phone')}`);
    }),
  );
  // Spans and warnings of the application are its own; what is thrown through ours must not be in them.
  await attempt('a rejected callback', () =>
    withClient(own('rejecting client'), async () => {
      throw Object.assign(new Error(mark('rejected')), { name: mark('name of an error') });
    }),
  );
};
