import fc from 'fast-check';
import { StreamObserver } from '../../../../instrumentation/dist/openai/chunks.js';
import { SseTap } from '../../../../instrumentation/dist/openai/sse.js';
import { outputTextOf, reportedBy } from '../../../../instrumentation/dist/openai/usage.js';
import { absurdity, costOf } from '../../../../instrumentation/dist/recorder/cost.js';
import { setRecorder } from '../../../../instrumentation/dist/recorder/index.js';
import { fromParsedBody, parseForm, parseJson } from '../../../../instrumentation/dist/twilio/webhook/params.js';
import { recordWebhook } from '../../../../instrumentation/dist/twilio/webhook/record.js';
import type { CallEnd } from '../../../../instrumentation/dist/types.js';
import type { Fault } from '../../support/fault.ts';
import { AT, book, chats, json, judged, Kept, streams } from '../../support/fuzz-answers.ts';
import { equal, fraction, plus, readDecimal, rounded, times } from '../../support/fuzz-decimals.ts';
import { drive, outcomeOf, target } from '../../support/fuzz-drive.ts';
import { damaged, damagedBytes, hostileObject } from '../../support/fuzz-json.ts';

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const openaiUsage = target({
  name: "openai's answers",
  share: 6,
  inputs: chats.map(json),
  check(body) {
    const said = reportedBy(body);
    outputTextOf(body);
    if (said === undefined) return undefined;
    const end: CallEnd = {
      outcome: 'ok',
      provider: 'openai',
      requestModel: 'gpt-4o-mini',
      responseModel: said.model,
      serviceTier: said.serviceTier,
      tokens: said.tokens,
    };
    const bad = judged('openai', 'chat_completion', end);
    if (bad !== undefined || said.tokens === undefined) return bad;
    const cost = costOf(
      { service: 'openai', operation: 'chat_completion', quantity: '1', unit: 'request', at: AT },
      end,
      absurdity(end),
      () => book,
    );
    // The plain case, by the price list: 0.15 and 0.60 USD a million, cached 0.075.
    const { usage } = body as { usage?: Record<string, unknown> };
    const cached = (usage?.prompt_tokens_details as Record<string, unknown> | null | undefined)?.cached_tokens ?? 0;
    const { input, output, cacheRead, cacheWrite, reasoning, inputAudio, outputAudio } = said.tokens;
    const plain =
      isCount(usage?.prompt_tokens) &&
      isCount(usage.completion_tokens) &&
      isCount(cached) &&
      cached <= usage.prompt_tokens;
    const others = [cacheWrite, inputAudio, outputAudio, said.tokens.cacheReadAudio].every(
      (count) => count === undefined || count === 0,
    );
    if (!plain || !others || (reasoning ?? 0) !== 0) {
      const possible = [input, output, cacheRead, cacheWrite, reasoning, inputAudio, outputAudio].every(
        (count) => count === undefined || isCount(count),
      );
      return possible || cost.amount === undefined ? undefined : `impossible counts cost ${cost.amount}`;
    }
    if ((said.model ?? 'gpt-4o-mini') !== 'gpt-4o-mini' || ![undefined, 'default'].includes(said.serviceTier))
      return undefined;
    const parts: [number, string][] = [
      [(usage.prompt_tokens as number) - cached, '0.15'],
      [cached, '0.075'],
      [usage.completion_tokens as number, '0.6'],
    ];
    const exact = parts
      .map(([count, price]) => times(fraction(BigInt(count), 1_000_000n), readDecimal(price)!))
      .reduce(plus);
    const pico = rounded(exact, 12, 'even');
    if (pico >= 10n ** 18n) return cost.amount === undefined ? undefined : `costs ${cost.amount}`;
    if (cost.amount === undefined) return `is unpriced: ${cost.reason}`;
    return equal(readDecimal(cost.amount)!, fraction(pico, 10n ** 12n)) ? undefined : `costs ${cost.amount}`;
  },
});

/** A stream cut anywhere says what it says whole, and is handed on byte by byte. */
const cuts = target({
  name: 'streams cut anywhere',
  share: 3,
  inputs: fc.tuple(streams, fc.array(fc.nat(), { maxLength: 8 })),
  check([bytes, places]) {
    const read = (pieces: readonly Uint8Array[]) => {
      const observer = new StreamObserver('chat', false);
      const tap = new SseTap(observer, false);
      const passed = pieces.map((piece) => tap.push(piece) ?? new Uint8Array());
      passed.push(tap.flush() ?? new Uint8Array());
      return {
        passed: Buffer.concat(passed),
        chunks: observer.chunks,
        result: JSON.stringify([observer.reported(), observer.estimatedOutput()]),
      };
    };
    const whole = read([bytes]);
    const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
    const split = read([0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length)));
    if (!whole.passed.equals(bytes) || !split.passed.equals(bytes)) return 'other bytes are handed on';
    return split.chunks === whole.chunks && split.result === whole.result
      ? undefined
      : `cut it says ${split.result}, whole ${whole.result}`;
  },
});

const FORM =
  'MessageSid=SM1&AccountSid=AC1&MessageStatus=delivered&To=%2B14035551234&From=%2B14035550000&NumSegments=2&Price=-0.0158&PriceUnit=USD&CallSid=CA1&CallStatus=completed&CallDuration=61';

const recorder = new Kept();
const callbacks = target({
  name: "Twilio's callbacks",
  share: 4,
  inputs: fc.oneof(
    damagedBytes([
      FORM,
      FORM.replace('MessageSid', 'RecordingSid'),
      '%',
      '&=&',
      'a[]=1&a[__proto__]=2',
      `${'a=1&'.repeat(3000)}`,
    ]).map((bytes) => parseForm(String(bytes))),
    damagedBytes([JSON.stringify(Object.fromEntries(new URLSearchParams(FORM)))]).map((bytes) =>
      parseJson(String(bytes)),
    ),
    fc
      .oneof(
        damaged([Object.fromEntries(new URLSearchParams(FORM))]),
        hostileObject(['MessageSid', 'MessageStatus', 'CallSid', 'CallStatus', 'NumSegments']),
      )
      .map((value) => fromParsedBody(value)),
  ),
  check(params) {
    recorder.clear();
    setRecorder(recorder);
    try {
      recordWebhook(params, AT, {});
    } finally {
      setRecorder(undefined);
    }
    for (const { start, end } of recorder.calls) {
      const bad = judged(start.service, start.operation, end);
      if (bad !== undefined) return bad;
    }
    return Object.getPrototypeOf({}) === Object.prototype && !('MessageSid' in {})
      ? undefined
      : 'a prototype was changed';
  },
});

const fault: Fault = {
  id: 'fuzz-usage',
  hop: 'fuzz',
  fault:
    "openai's answers, streams cut anywhere and Twilio's callbacks, damaged and hostile, read as usage: exact, or unpriced with a reason",
  promises: ['host-unharmed', 'amounts-exact'],
  times: { short: 1500, long: 50_000 },
  timeoutSeconds: 300,
  async run(run) {
    return outcomeOf(await drive(run, [openaiUsage, cuts, callbacks]));
  },
};

export default fault;
