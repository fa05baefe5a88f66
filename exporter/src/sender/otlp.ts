import { messageOf } from '../log.ts';
import { otlpBody } from '../record.ts';
import type { SendResult, Transport } from '../types.ts';
import { type Answer, type HttpOptions, HttpPoster, retryAfter } from './http.ts';

const EMPTY = Buffer.from('{"resourceLogs":[]}');

/** The system's network error with what to check. */
export function unreachable(target: string, error: unknown): SendResult {
  const { code } = error as NodeJS.ErrnoException;
  const named = code !== undefined && !messageOf(error).includes(code) ? ` (${code})` : '';
  return {
    kind: 'retry',
    reached: code === 'ECONNRESET' || code === 'EPIPE',
    reason: `cannot reach ${target}: ${messageOf(error)}${named}`,
  };
}

/** First words of an answer's body, for a message. */
export function excerpt(body: string): string {
  const line = body.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line === '' ? '' : `: ${line.slice(0, 300)}`;
}

const CHECK: Record<number, string> = {
  401: 'check OTEL_EXPORTER_OTLP_HEADERS (authorization)',
  403: 'check that the credentials in OTEL_EXPORTER_OTLP_HEADERS may write logs',
  404: 'check CLIENT_COST_OTLP_ENDPOINT: /v1/logs is appended to it, and the Collector needs an OTLP/HTTP receiver with a logs pipeline',
  405: 'check CLIENT_COST_OTLP_ENDPOINT: it is no OTLP/HTTP receiver',
};

/** Log records to an OTLP/HTTP endpoint as JSON. */
export class OtlpTransport implements Transport {
  readonly target: string;
  private readonly poster: HttpPoster;

  constructor(options: HttpOptions) {
    const url = new URL(options.url);
    this.target = `${url.origin}${url.pathname}`;
    this.poster = new HttpPoster({ ...options, headers: { ...options.headers, 'content-type': 'application/json' } });
  }

  async send(header: string, records: readonly Uint8Array[]): Promise<SendResult> {
    let answer: Answer;
    try {
      answer = await this.poster.post(otlpBody(header, records));
    } catch (error) {
      return unreachable(this.target, error);
    }
    const { status, body } = answer;
    if (status >= 200 && status < 300) return partialSuccess(body);
    const reason = `${this.target} answered ${status}${excerpt(body)}`;
    if (status === 400 || status === 413 || status === 422) {
      // An address that refuses even an empty request is no Collector: then nothing is wrong with the events.
      if (await this.acceptsEmpty()) return { kind: 'invalid', reason };
      return {
        kind: 'retry',
        reached: true,
        reason: `${reason}; it refuses an empty request too: check CLIENT_COST_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS`,
      };
    }
    const after = retryAfter(answer.headers['retry-after']);
    const check = CHECK[status];
    return {
      kind: 'retry',
      reached: true,
      reason: check === undefined ? reason : `${reason}; ${check}`,
      suspect: status === 500,
      ...(after === undefined ? {} : { retryAfterMs: after }),
    };
  }

  close(): void {
    this.poster.close();
  }

  private async acceptsEmpty(): Promise<boolean> {
    try {
      const { status } = await this.poster.post(EMPTY);
      return status >= 200 && status < 300;
    } catch {
      return false;
    }
  }
}

function partialSuccess(body: string): SendResult {
  try {
    const partial = (
      JSON.parse(body) as { partialSuccess?: { rejectedLogRecords?: unknown; errorMessage?: unknown } } | null
    )?.partialSuccess;
    const refused = Number(partial?.rejectedLogRecords ?? 0);
    if (refused > 0) return { kind: 'ok', refused, reason: String(partial?.errorMessage ?? 'no reason given') };
  } catch {
    // an empty or foreign body with 2xx: accepted
  }
  return { kind: 'ok' };
}
