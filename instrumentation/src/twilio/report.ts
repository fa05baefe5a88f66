import { getRecorder } from '../recorder/index.ts';
import type { CallEnd } from '../types.ts';
import { anyCharge, endOpenCharge, FINAL, recallTwilioCharge, type TwilioCharge } from './charges.ts';
import type { Fields, RequestOptions } from './internal-types.ts';
import type { Resource } from './resource.ts';
import { channelOf, destinationSku } from './sku.ts';
import { callEnd, messageEnd, messagePhase, recordingEnd } from './usage.ts';
import { fieldsOf, sidOf, type Watch } from './watch.ts';

/** What a later answer says of the charge. */
const END_OF = {
  message(answer: Fields, charge: TwilioCharge): CallEnd | undefined {
    const report = {
      status: answer.status,
      numSegments: answer.num_segments,
      numMedia: answer.num_media,
      errorCode: answer.error_code,
      price: answer.price,
      priceUnit: answer.price_unit,
    };
    const end = messageEnd(report, charge);
    // What Twilio said at its creation is not said again.
    return end?.outcome === 'ok' && end.cost === undefined && charge.exact === true ? undefined : end;
  },
  call(answer: Fields, charge: TwilioCharge): CallEnd | undefined {
    if (charge.test === true) return undefined;
    return whole(callEnd({ ...priced(answer), seconds: answer.duration }, charge));
  },
  recording(answer: Fields): CallEnd | undefined {
    return whole(recordingEnd({ ...priced(answer), seconds: answer.duration }));
  },
} as const;

/** Without a length and a price it is no end yet: recorded as one, it would keep out the status callback, which has the length. */
function whole(end: CallEnd | undefined): CallEnd | undefined {
  return end?.unpricedReason === undefined || end.cost !== undefined ? end : undefined;
}

const LIST_OF = { message: 'messages', call: 'calls', recording: 'recordings' } as const;

function priced(answer: Fields): { status: unknown; price: unknown; priceUnit: unknown } {
  return { status: answer.status, price: answer.price, priceUnit: answer.price_unit };
}

/**
 * A request for what exists: its answer may end a charge that this process has open. Not watched otherwise, but for the
 * cancelling of a message, which is often another process's: its charge is then found by the ledger.
 */
export function watchReport(resource: Resource, options: RequestOptions): Watch | undefined {
  if (resource.kind === 'list') return anyCharge() ? listWatch(resource.of) : undefined;
  if (resource.kind !== 'message' && resource.kind !== 'call' && resource.kind !== 'recording') return undefined;
  const { kind, sid } = resource;
  const cancels =
    kind === 'message' && resource.changed && (options.data as Fields | null | undefined)?.Status === 'canceled';
  // `Recordings/Twilio.CURRENT` is not what the charge is called.
  const known = sidOf(sid) === undefined ? anyCharge() : recallTwilioCharge(sid) !== undefined;
  if (!known && !cancels) return undefined;
  return watch((answer) => {
    if (!endOpenCharge(sidOf(answer.sid) ?? sid, (charge) => END_OF[kind](answer, charge)) && cancels) {
      if (messagePhase(answer.status) === 'canceled') cancelElsewhere(sid, answer);
    }
  });
}

function listWatch(kind: 'message' | 'call' | 'recording'): Watch {
  return watch((answer) => {
    const items = answer[LIST_OF[kind]];
    if (!Array.isArray(items)) return;
    for (const item of items as unknown[]) {
      const fields = fieldsOf(typeof item === 'string' ? undefined : item);
      const sid = sidOf(fields?.sid);
      if (fields && sid !== undefined) endOpenCharge(sid, (charge) => END_OF[kind](fields, charge));
    }
  });
}

function watch(read: (answer: Fields) => void): Watch {
  return {
    answered(status, body) {
      if (status === undefined || status < 200 || status >= 300) return;
      const answer = fieldsOf(body);
      if (answer) read(answer);
    },
    failed() {},
    unreadable() {},
  };
}

/** The charge of a message that another process scheduled becomes 0. */
function cancelElsewhere(sid: string, answer: Fields): void {
  const service = 'twilio_sms';
  const channel = channelOf(answer.to);
  const mms = Number(answer.num_media) > 0;
  const operation = channel === undefined ? (mms ? 'send_mms' : 'send_sms') : `send_${channel}`;
  const sku = destinationSku(answer.to);
  const unit = mms || channel !== undefined ? 'message' : 'segment';
  getRecorder()
    .start({ service, operation, spanName: `${service} ${operation}` })
    .end({ outcome: 'aborted', sku, unit, quantity: 0, billed: false, externalId: sid, version: FINAL, update: true });
}
