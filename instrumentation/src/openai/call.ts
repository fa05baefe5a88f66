import type { Attributes, Context } from '@opentelemetry/api';
import { codeOf } from '../code.ts';
import { closeCall, type OpenCall, openCall } from '../instrument/abandoned.ts';
import { activeContext } from '../instrument/within.ts';
import { describeError, warnOnce } from '../log.ts';
import { getRecorder } from '../recorder/index.ts';
import { estimateChatInput, estimateEmbeddingInput, estimateResponseInput, estimateTokens } from '../tokens/index.ts';
import type { BillableCall, CallEnd, TokenUsage, UsageOutcome } from '../types.ts';
import { StreamObserver } from './chunks.ts';
import { errorTypeOf, isUserAbort } from './errors.ts';
import type { Client, RequestOptions } from './internal-types.ts';
import { type Endpoint, endpointOf } from './provider.ts';
import { type Asked, modelOf, type Operation, withStreamUsage } from './request.ts';
import { SseTap } from './sse.ts';
import { outputTextOf, type Reported, reportedBy } from './usage.ts';

/** How reading a stream ended: to its end, left by its reader, or failed. */
export type StreamEnd = 'done' | 'left' | 'failed';

/** One call of the SDK, from its request to its one end. Methods never throw. */
export class ObservedCall implements OpenCall {
  previous: OpenCall | undefined;
  next: OpenCall | undefined;
  readonly operation: Operation;
  /** The SDK's promise is watched in every way to take the answer from it: what we ask for can be kept from the caller. */
  watched = false;
  /** Somebody wants the answer. */
  asked = false;
  /** The SDK itself reads the body. */
  parsing = false;
  /** The SDK's stream is being read, through us. */
  iterating = false;
  /** The caller took the raw Response: its bytes are watched, not what the SDK may make of them. */
  raw = false;
  /** The SDK's parsed data has passed by. */
  observed = false;
  streaming = false;
  /** We asked for the stream's usage: what comes of it is kept from the caller. */
  injected = false;
  begun = false;
  /** Requests sent again after a failure that the SDK retries. */
  resends = 0;
  ended = false;
  private endpoint: Endpoint | undefined;
  private body: unknown;
  private billable: BillableCall | undefined;
  private observer: StreamObserver | undefined;
  private asking: Asked | undefined;
  private answered = false;
  private seen = false;

  constructor(operation: Operation) {
    this.operation = operation;
  }

  /** The context for the SDK's work on this call: the active one where recording could not begin. */
  get context(): Context {
    return this.billable?.context ?? activeContext();
  }

  /** Starts recording; returns the options to send, which are a copy where they are not the caller's own. */
  begin(client: Client, options: RequestOptions): RequestOptions {
    this.begun = true;
    try {
      const endpoint = endpointOf(client, String(options.path));
      const model = modelOf(options.body);
      const { genAi, name } = this.operation;
      const attributes: Attributes = { 'gen_ai.operation.name': genAi };
      if (endpoint.address !== undefined) attributes['server.address'] = endpoint.address;
      if (endpoint.port !== undefined) attributes['server.port'] = endpoint.port;
      this.endpoint = endpoint;
      this.body = options.body;
      this.streaming = options.stream === true;
      this.billable = getRecorder().start({
        service: endpoint.provider.service,
        operation: name,
        spanName: model === undefined ? genAi : `${genAi} ${model}`,
        attributes,
      });
      openCall(this);
      const asked = this.watched ? withStreamUsage(this.operation, endpoint, client, options) : undefined;
      if (!asked) return options;
      this.injected = true;
      this.asking = asked;
      return asked.options;
    } catch (error) {
      warnOnce('openai:begin', 'openai: a call could not be recorded', error);
      return options;
    }
  }

  /** The request has been written, or never will be; of the answer nobody has read anything. */
  sent(): void {
    try {
      if (this.asking?.sent() === false) this.injected = false;
    } catch (error) {
      warnOnce('openai:sent', 'openai: a request could not be put back as it was', error);
    }
    this.asking = undefined;
  }

  /** The answer's head has come: from here on the provider bills. */
  arrived(): void {
    this.answered = true;
  }

  observe(): StreamObserver {
    this.observer ??= new StreamObserver(this.operation.api, this.injected, this.thinkingLeftOut);
    return this.observer;
  }

  /** A whole answer, as JSON. Only the first one counts. */
  parsed(data: unknown): void {
    if (this.seen) return;
    this.seen = true;
    this.guard(() => {
      const said = reportedBy(data, this.thinkingLeftOut);
      if (said?.tokens) {
        this.finish(outcomeOf(said), said, said.tokens, false);
      } else if (said?.status === 'queued' || said?.status === 'in_progress') {
        warnOnce(
          'openai:background',
          'openai: a background response has no usage when it is created; it is recorded without a price',
        );
        this.finish(
          'ok',
          said,
          undefined,
          false,
          true,
          undefined,
          'background response: usage unknown at its creation',
        );
      } else if (said?.status === 'failed') {
        // It failed before the model wrote anything: no usage, not billed.
        this.finish('error', said, undefined, false, false);
      } else {
        this.finish('ok', said, this.estimate(estimateTokens(outputTextOf(data))), true);
      }
    });
  }

  /** A whole answer as text: JSON nobody parsed, or the events of a stream that the SDK was not told is one. */
  parsedText(answer: string): void {
    if (/^\s*data:/m.test(answer.slice(0, 1_000))) {
      this.streaming = true;
      new SseTap(this.observe(), false).text(answer);
      this.streamEnded('done');
      return;
    }
    let data: unknown;
    try {
      data = JSON.parse(answer);
    } catch {
      // Not JSON: estimated.
    }
    this.parsed(data);
  }

  /** The stream has been read, left, or has failed. */
  streamEnded(how: StreamEnd, error?: unknown, aborted = false): void {
    this.guard(() => {
      const observer = this.observe();
      const said = observer.reported();
      const complete = observer.final || (how === 'done' && !aborted);
      let outcome: UsageOutcome = how === 'failed' ? 'error' : complete ? outcomeOf(said) : 'aborted';
      if (said.errorCode !== undefined && !observer.final) outcome = 'error';
      // Refused before its first word: nothing was generated, nothing is billed.
      const refused = outcome === 'error' && !said.tokens && observer.estimatedOutput() === 0;
      const tokens = refused ? undefined : (said.tokens ?? this.estimate(observer.estimatedOutput()));
      const estimated = !refused && !(complete && said.tokens);
      this.finish(outcome, said, tokens, estimated, !refused, error);
    });
  }

  /** The SDK gave up: no answer, or one that it could not read. */
  failed(error: unknown): void {
    this.guard(() => {
      const outcome: UsageOutcome = isUserAbort(error) ? 'aborted' : 'error';
      if (this.observer && this.observer.chunks > 0) this.streamEnded('failed', error);
      // An answer with status 200 was given and is billed, though its body did not get through.
      else if (this.answered) this.finish(outcome, undefined, this.estimate(0), true, true, error);
      else this.finish(outcome, undefined, undefined, false, false, error);
    });
  }

  /** Nobody will ever read the answer, or the process ends. */
  abandoned(): void {
    if (this.streaming && this.answered) this.streamEnded('left');
    else if (this.answered) this.guard(() => this.finish('aborted', undefined, this.estimate(0), true));
    else this.guard(() => this.finish('aborted', undefined, undefined, false, false));
  }

  private get thinkingLeftOut(): boolean {
    return this.endpoint?.provider.thinkingLeftOut === true;
  }

  private estimate(output: number): TokenUsage {
    const { api } = this.operation;
    const input =
      api === 'chat'
        ? estimateChatInput(this.body)
        : api === 'responses'
          ? estimateResponseInput(this.body)
          : estimateEmbeddingInput(this.body);
    return { input, output: api === 'embeddings' ? 0 : output };
  }

  private finish(
    outcome: UsageOutcome,
    said: Reported | undefined,
    tokens: TokenUsage | undefined,
    estimated: boolean,
    billed = true,
    error?: unknown,
    unpricedReason?: string,
  ): void {
    const attributes: Attributes = {};
    if (said && said.finishReasons.length > 0) {
      attributes['gen_ai.response.finish_reasons'] = said.finishReasons.map((reason) => codeOf(reason) ?? '_OTHER');
    }
    if (this.resends > 0) attributes['http.request.resend_count'] = this.resends;
    this.end({
      outcome,
      provider: this.endpoint?.provider.name,
      requestModel: modelOf(this.body),
      responseModel: said?.model,
      serviceTier: codeOf(said?.serviceTier),
      externalId: said?.id,
      tokens,
      estimated,
      billed,
      unpricedReason,
      attributes,
      ...(outcome === 'ok' ? {} : { error, errorType: errorTypeOf(error) ?? codeOf(said?.errorCode) }),
    });
  }

  private end(end: CallEnd): void {
    if (this.ended) return;
    this.ended = true;
    closeCall(this);
    this.billable?.end(end);
    this.body = undefined;
  }

  /** Whatever goes wrong in reading a hostile answer, the call is recorded and the caller does not notice. */
  private guard(work: () => void): void {
    if (this.ended || !this.begun) return;
    try {
      work();
    } catch (error) {
      warnOnce(
        'openai:end',
        `openai: an answer could not be read (${describeError(error)}); the call is recorded unpriced`,
      );
      try {
        this.end({
          outcome: 'ok',
          provider: this.endpoint?.provider.name,
          requestModel: modelOf(this.body),
          unpricedReason: 'the answer could not be read',
        });
      } catch {
        this.ended = true;
        closeCall(this);
      }
    }
  }
}

function outcomeOf(said: Reported): UsageOutcome {
  if (said.status === 'failed') return 'error';
  return said.status === 'cancelled' ? 'aborted' : 'ok';
}
