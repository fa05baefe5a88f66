/** What of the AWS SDK is touched, over all its minors since 3.200. Everything of it may be missing or of another type. */
export interface S3ClientLike {
  readonly middlewareStack?: MiddlewareStackLike;
  /** Handlers by command, kept where `cacheMiddleware` is set. */
  handlers?: unknown;
}

export interface MiddlewareStackLike {
  add(middleware: unknown, options: Readonly<Record<string, unknown>>): void;
}

/** What the SDK knows of the command that a chain of middleware is made for. */
export interface HandlerContext {
  readonly commandName?: unknown;
}

export interface HandlerArguments {
  readonly input?: unknown;
  readonly request?: unknown;
}

export interface HandlerOutput {
  readonly output?: unknown;
  readonly response?: unknown;
}

export type Handler = (args: HandlerArguments) => Promise<HandlerOutput>;
