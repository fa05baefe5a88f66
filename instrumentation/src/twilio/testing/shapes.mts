/*
 * Every way to use the twilio package's REST client, as one script that prints what the caller sees. It runs with and without
 * the instrumentation, on any major; what a version does not have is printed as missing in both.
 */
import { createTwilioStandIn } from '../../../../examples/src/stand-ins/twilio/index.ts';
import { CALL_SHAPES } from './shapes-calls.mts';
import { EDGE_SHAPES } from './shapes-edges.mts';
import { normal } from './show.mts';
import type { Any, Shape, World } from './world.mts';

export const SHAPES: Record<string, Shape> = { ...CALL_SHAPES, ...EDGE_SHAPES };

/** Results by name; one shape, or all. */
export async function runShapes(lib: Any, only?: string): Promise<Record<string, unknown>> {
  let index = 0;
  const standIn = await createTwilioStandIn({
    stepMs: Number.POSITIVE_INFINITY,
    priceMs: Number.POSITIVE_INFINITY,
    subaccounts: { [`AC${'c'.repeat(32)}`]: 'sub' },
    failures: ({ form }) => {
      const text = form.get('Body') ?? '';
      if (!text.startsWith('fail')) return undefined;
      if (text === 'fail hang') return { hang: true };
      if (text === 'fail reset') return { reset: true };
      if (text === 'fail html') return { status: 502, body: '<html>Bad Gateway</html>' };
      if (text === 'fail 429 once') return index++ % 2 === 0 ? { status: 429 } : undefined;
      return { status: Number(text.split(' ')[1]) };
    },
  });
  const twilio = typeof lib === 'function' ? lib : lib.default;
  const world: World = {
    lib,
    twilio,
    standIn,
    client(options = {}, password = standIn.authToken) {
      const api = twilio(standIn.accountSid, password, options);
      api.api.baseUrl = standIn.url;
      return api;
    },
  };
  const results: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(SHAPES)) {
    if (only !== undefined && name !== only) continue;
    const result = await shape(world).catch((error: unknown) => ({ shape: String(error) }));
    results[name] = normal(result, standIn.port);
  }
  await standIn.close();
  return results;
}
