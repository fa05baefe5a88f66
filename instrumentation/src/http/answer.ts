import type { UsageOutcome } from '../types.ts';
import { type BodyTap, TOO_LONG } from './body.ts';
import type { HttpAnswer } from './types.ts';

interface Parts {
  readonly status: number | undefined;
  readonly header: (name: string) => string | undefined;
  readonly error: unknown;
  readonly whole: boolean;
  readonly wanted: boolean;
  readonly tap: BodyTap | undefined;
  readonly requestTap: BodyTap | undefined;
}

/** Failures before anything was sent: no connection, no name, no trust. */
const UNSENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|CERT_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/;

/** What came of a request, as rules see it: decoded and parsed when asked for. */
export class Answer implements HttpAnswer {
  readonly status: number | undefined;
  readonly error: unknown;
  readonly #parts: Parts;
  #body: { text?: string; problem?: string } | undefined;
  #json: { value: unknown } | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.status = parts.status;
    this.error = parts.error;
  }

  get outcome(): UsageOutcome {
    if (this.status !== undefined) return this.status < 400 ? 'ok' : 'error';
    return this.error === undefined || isAbort(this.error) ? 'aborted' : 'error';
  }

  get errorType(): string | undefined {
    if (this.outcome !== 'error') return undefined;
    return this.status === undefined ? typeOf(this.error) : String(this.status);
  }

  get unsent(): boolean {
    return this.status === undefined && codesOf(this.error).some((code) => UNSENT.test(code));
  }

  header(name: string): string | undefined {
    return this.#parts.header(name.toLowerCase());
  }

  text(): string | undefined {
    return this.#read().text;
  }

  json(): unknown {
    this.#json ??= { value: parsed(this.text()) };
    return this.#json.value;
  }

  requestJson(): unknown {
    return parsed(this.#parts.requestTap?.text(undefined).text);
  }

  get bodyProblem(): string | undefined {
    return this.#read().problem;
  }

  #read(): { text?: string; problem?: string } {
    if (this.#body !== undefined) return this.#body;
    const { status, wanted, whole, tap } = this.#parts;
    if (!wanted) this.#body = {};
    else if (status === undefined) this.#body = { problem: 'no answer came' };
    else if (tap === undefined) this.#body = { problem: TOO_LONG };
    else if (!whole) this.#body = { problem: 'the body was not read to its end' };
    else this.#body = tap.text(this.header('content-encoding'));
    return this.#body;
  }
}

function parsed(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The application's own doing: an AbortSignal, `controller.abort()`, `request.destroy()`. A time-out is not one. */
function isAbort(error: unknown): boolean {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return name === 'AbortError' || code === 'ABORT_ERR' || code === 'UND_ERR_ABORTED';
}

/** The codes of an error, of its cause, and of those that it is made of. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  const causes: unknown[] = [error];
  for (let i = 0; i < causes.length && i < 10; i++) {
    const { code, cause, errors } = (causes[i] ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown };
    if (typeof code === 'string') codes.push(code);
    if (cause !== undefined) causes.push(cause);
    if (Array.isArray(errors)) causes.push(...errors);
  }
  return codes;
}

function typeOf(error: unknown): string {
  const code = codesOf(error)[0];
  if (code !== undefined) return code;
  const { name: own, constructor: made } = (error ?? {}) as { name?: unknown; constructor?: { name?: unknown } };
  // `TimeoutError` and the like are names that a DOMException has.
  const name = made?.name === 'DOMException' ? own : made?.name;
  return typeof name === 'string' && name !== '' ? name : '_OTHER';
}
