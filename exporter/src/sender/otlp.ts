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
    let request: Buffer;
    try {
      request = otlpBody(header, records);
    } catch (error) {
      // Not the way, the content: sent again it would fail for ever.
      return { kind: 'invalid', reason: messageOf(error) };
    }
    let answer: Answer;
    try {
      answer = await this.poster.post(request);
    } catch (error) {
      return unreachable(this.target, error);
    }
    const { status, body } = answer;
    if (status >= 200 && status < 300) return this.acknowledged(answer);
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

  /**
   * Only the answer of OTLP's specification is an acknowledgement: status 200 and an ExportLogsServiceResponse. A page of a proxy or a login
   * with 200 is none: the events would be gone.
   */
  private acknowledged({ status, headers, body }: Answer): SendResult {
    const foreign: SendResult = {
      kind: 'retry',
      reached: true,
      reason: `${this.target} answered ${status} with what is no answer of an OTLP receiver${excerpt(body)}; check CLIENT_COST_OTLP_ENDPOINT and proxies on the way`,
    };
    if (status !== 200) return foreign;
    if (body === '')
      return /^application\/(json|x-protobuf)/.test(headers['content-type'] ?? '') ? { kind: 'ok' } : foreign;
    const answer = parsed(body);
    const partial = answer?.partialSuccess ?? answer?.partial_success ?? {};
    // An empty answer is full success; other fields than the specified one are somebody else's answer.
    if (answer === undefined || !isObject(partial)) return foreign;
    if (Object.keys(answer).length > 0 && !('partialSuccess' in answer || 'partial_success' in answer)) return foreign;
    const refused = Number(partial.rejectedLogRecords ?? partial.rejected_log_records ?? 0);
    if (!Number.isFinite(refused)) return foreign;
    const said = partial.errorMessage ?? partial.error_message;
    if (refused > 0) return { kind: 'ok', refused, reason: String(said || 'no reason given') };
    return said ? { kind: 'ok', reason: String(said) } : { kind: 'ok' };
  }

  private async acceptsEmpty(): Promise<boolean> {
    try {
      const answer = await this.poster.post(EMPTY);
      return answer.status >= 200 && answer.status < 300 && this.acknowledged(answer).kind === 'ok';
    } catch {
      return false;
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
