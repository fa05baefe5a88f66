/*
 * What we touch of the openai package, majors 4 to 7. Nothing is imported from it: a service may load several
 * copies, and the types of one major do not fit another.
 */

/** What the SDK hands to fetch for one call, once its own promise of options is resolved. */
export interface RequestOptions {
  readonly method?: string;
  readonly path?: string;
  readonly body?: unknown;
  readonly stream?: boolean;
  readonly query?: unknown;
  readonly [key: string]: unknown;
}

/** What `makeRequest` resolves to: the answer's head has arrived, its body is unread. */
export interface ResponseProps {
  readonly response: RawResponse;
  readonly options: RequestOptions;
  readonly controller?: AbortController;
}

/** undici's Response, or node-fetch's (openai 4), or whatever a custom `fetch` returned. */
export interface RawResponse {
  readonly status: number;
  readonly statusText?: string;
  readonly headers: { get(name: string): string | null };
  readonly url?: string;
  readonly body?: unknown;
  readonly bodyUsed?: boolean;
  clone?(): RawResponse;
  text?(): Promise<string>;
}

// biome-ignore lint/suspicious/noExplicitAny: parameters differ by major; they are passed on as they came.
export type AnyFunction = (this: any, ...args: any[]) => any;

/** `APIPromise`: lazy; reading the body begins with the first `then`, `catch`, `finally` or `parse`. */
export interface ApiPromise extends Promise<unknown> {
  responsePromise: Promise<ResponseProps>;
  /** 4.x: `(props)`, later `(client, props)`. */
  parseResponse: AnyFunction;
  parse: AnyFunction;
  _thenUnwrap: AnyFunction;
  asResponse(): Promise<RawResponse>;
  withResponse?(): Promise<WithResponse>;
}

export interface WithResponse {
  readonly data: unknown;
  readonly response: RawResponse;
  readonly request_id?: unknown;
}

/** `Stream`: single consumption. 4.0 has no `iterator`, only the symbol's method. */
export interface SdkStream {
  iterator?: () => AsyncIterator<unknown>;
  readonly controller?: AbortController;
  [Symbol.asyncIterator](): AsyncIterator<unknown>;
}

export interface Client {
  readonly baseURL?: unknown;
  /** AzureOpenAI only. */
  readonly apiVersion?: unknown;
  readonly deploymentName?: unknown;
  defaultQuery?(): unknown;
}

/** The prototype that owns `post` and `makeRequest`: `core.APIClient` in 4.x, `OpenAI` since 5. */
export interface ClientPrototype {
  post: AnyFunction;
  request: AnyFunction;
  makeRequest: AnyFunction;
}
