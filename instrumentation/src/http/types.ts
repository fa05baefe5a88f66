import type { CallEnd, CallStart, UsageOutcome } from '../types.ts';

/** An outgoing HTTP request as it goes out: one hop, one attempt. */
export interface HttpRequest {
  readonly protocol: 'http:' | 'https:';
  /** Lower case, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The query with its `?`, or the empty string. */
  readonly search: string;
  /** First value of a query parameter, decoded. */
  query(name: string): string | undefined;
  /** A request header by any case; several values are joined by `, `. */
  header(name: string): string | undefined;
}

/**
 * What came of a request. `status` is undefined where no answer came; then `error` says why, if anybody knows.
 * Nothing of it is kept by the observer after `end` returned.
 */
export interface HttpAnswer {
  readonly status: number | undefined;
  /** `ok` for a status below 400, `error` for another one and for a failure, `aborted` where the application gave up. */
  readonly outcome: UsageOutcome;
  /** `error.type`: the status, or the error's code or class. */
  readonly errorType: string | undefined;
  readonly error: unknown;
  /** Nothing was sent: the connection was never made. Certainly not billed. */
  readonly unsent: boolean;
  /** A response header by any case. */
  header(name: string): string | undefined;
  /** The whole body, decoded; undefined where it was not wanted, not whole, too long or in an unknown encoding. */
  text(): string | undefined;
  /** The body as JSON; undefined where there is no whole body or it is not JSON. Parsed once. */
  json(): unknown;
  /** What the application sent, as JSON; only where `begin` asked for it. */
  requestJson(): unknown;
  /** Why `text()` has nothing although the body was wanted: for `unpricedReason`. */
  readonly bodyProblem: string | undefined;
}

/** What a rule wants to be recorded of a request that it knows. */
export interface HttpCallStart {
  readonly start: CallStart;
  /** The answer's body is looked at as it passes (at most 1 MiB). Without it the call ends with the answer's headers. */
  readonly wantsBody?: boolean | undefined;
  /** The request's body too. */
  readonly wantsRequestBody?: boolean | undefined;
}

/** How it ended; `start` replaces what `begin` said, where the answer knows better (another operation). */
export interface HttpCallEnd extends CallEnd {
  readonly start?: CallStart | undefined;
}

/** What is billable among the requests to some hosts. Its methods may throw: the request is not affected. */
export interface HttpRule<Match> {
  /** What the rule keeps of a request; undefined: not its business. Must be cheap. */
  matches(request: HttpRequest): Match | undefined;
  begin(match: Match, request: HttpRequest): HttpCallStart;
  /** Called once: with the whole answer, or what there is of it. Undefined: nothing is recorded. */
  end(match: Match, answer: HttpAnswer): HttpCallEnd | undefined;
}
