import type { TwilioStandIn } from '../../../../examples/src/stand-ins/twilio/index.ts';
import { unhandledRejections } from '../../testing/rejections.mts';
import { show } from './show.mts';

// biome-ignore lint/suspicious/noExplicitAny: one script for all majors of the package.
export type Any = any;

export interface World {
  /** The package as imported, and what `require` gives. */
  readonly lib: Any;
  readonly twilio: Any;
  readonly standIn: TwilioStandIn;
  client(options?: object, password?: string): Any;
}

export type Shape = (world: World) => Promise<unknown>;

export const to = '+14155551234';
export const from = '+14155550000';
export const sms = { to, from, body: 'hello' };
export const voice = { to, from, twiml: '<Response/>' };
export const scheduled = { to, body: 'x', messagingServiceSid: `MG${'0'.repeat(32)}`, scheduleType: 'fixed' };
export const MESSAGES = '/2010-04-01/Accounts/AC1/Messages.json';

export async function failure(work: () => unknown): Promise<unknown> {
  try {
    return { returned: show(await work()) };
  } catch (error) {
    return { thrown: show(error) };
  }
}

export const rejections = (work: () => unknown) => unhandledRejections(work, show);

export function callback(start: (done: (...args: unknown[]) => void) => unknown): Promise<unknown> {
  return new Promise((resolve) => {
    const result = start((...args) => {
      resolve({ args: args.map(show), result: show(result) });
    });
  });
}

/** A thenable that is no promise, and counts. */
export class Lazy {
  thens = 0;
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
  // biome-ignore lint/suspicious/noThenProperty: what is tested.
  then(resolve: (value: unknown) => unknown): unknown {
    this.thens += 1;
    return Promise.resolve(this.value).then(resolve);
  }
}

export const created = {
  statusCode: 201,
  body: { sid: `SM${'1'.repeat(32)}`, status: 'queued', num_segments: '1', to, from },
};
