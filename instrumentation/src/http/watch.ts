import type { Context } from '@opentelemetry/api';
import { currentScope } from '../attribution/index.ts';
import { currentTime } from '../clock.ts';
import { closeCall, type OpenCall, openCall } from '../instrument/abandoned.ts';
import { activeContext, within } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { getRecorder } from '../recorder/index.ts';
import type { UsageScope } from '../types.ts';
import { Answer } from './answer.ts';
import { BodyTap, MAX_BODY } from './body.ts';
import type { HttpCallStart, HttpRequest, HttpRule } from './types.ts';

const WATCH = Symbol.for('client-cost http request');
type Carrier = { readonly [WATCH]?: unknown };

/** One request that a rule knows, from its beginning to its one end. Methods never throw. */
export class HttpWatch implements OpenCall {
  previous: OpenCall | undefined;
  next: OpenCall | undefined;
  /** The body's bytes go here; undefined where nobody wants them. */
  tap: BodyTap | undefined;
  requestTap: BodyTap | undefined;
  readonly #rule: HttpRule<unknown>;
  readonly #match: unknown;
  readonly #started: HttpCallStart;
  readonly #context: Context;
  readonly #scope: UsageScope;
  readonly #begin = currentTime();
  #status: number | undefined;
  #header: (name: string) => string | undefined = () => undefined;
  #ended = false;

  constructor(rule: HttpRule<unknown>, match: unknown, started: HttpCallStart) {
    this.#rule = rule;
    this.#match = match;
    this.#started = started;
    this.#context = activeContext();
    // Read now: the answer comes in an execution of its own.
    this.#scope = currentScope();
    if (started.wantsRequestBody === true) this.requestTap = new BodyTap();
    openCall(this);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The answer's head has come. Where its body says nothing that is needed, that is all. */
  answered(status: number, header: (name: string) => string | undefined): void {
    if (this.#ended || this.#status !== undefined) return;
    // Early hints and the like: the answer is still to come.
    if (status < 200 && status !== 101) return;
    this.#status = status;
    // Read now: axios deletes it from the answer's headers when it begins to decode.
    const encoding = this.#started.wantsBody === true ? header('content-encoding') : undefined;
    this.#header = (name) => (name === 'content-encoding' && encoding !== undefined ? encoding : header(name));
    if (this.#started.wantsBody !== true) this.finish(undefined, true);
    else if (!(Number(header('content-length') ?? 0) > MAX_BODY)) this.tap = new BodyTap();
  }

  /** The process ends before the answer is here. */
  abandoned(): void {
    this.finish(undefined, false);
  }

  /** @param whole the body has come to its end */
  finish(error: unknown, whole: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    closeCall(this);
    try {
      const answer = new Answer({
        status: this.#status,
        header: this.#header,
        error,
        whole,
        wanted: this.#started.wantsBody === true,
        tap: this.tap,
        requestTap: this.requestTap,
      });
      // The application may keep the request for long.
      this.tap = undefined;
      this.requestTap = undefined;
      const end = this.#rule.end(this.#match, answer);
      if (end === undefined) return;
      const { start = this.#started.start, ...rest } = end;
      // The span's parent is what was active when the request was made.
      within(this.#context, () =>
        getRecorder()
          .start({ ...start, scope: start.scope ?? this.#scope, startTime: start.startTime ?? this.#begin })
          .end(rest),
      );
    } catch (error_) {
      warnOnce(
        `http:end:${this.#started.start.service}`,
        `a call of ${this.#started.start.service} could not be recorded`,
        error_,
      );
    }
  }
}

/** The first rule that knows the request begins a watch on it. */
export function beginWatch(
  carrier: object,
  seen: HttpRequest,
  rules: readonly HttpRule<unknown>[],
): HttpWatch | undefined {
  // Also a watch of another copy of this package in the process: one of the two records.
  if ((carrier as Carrier)[WATCH] !== undefined) return undefined;
  for (const rule of rules) {
    const match = rule.matches(seen);
    if (match === undefined) continue;
    const watch = new HttpWatch(rule, match, rule.begin(match, seen));
    Object.defineProperty(carrier, WATCH, { value: watch });
    return watch;
  }
  return undefined;
}

/** The watch on a request, where there is one of ours. */
export function watchOf(carrier: object): HttpWatch | undefined {
  const watch = (carrier as Carrier)[WATCH];
  return watch instanceof HttpWatch ? watch : undefined;
}
