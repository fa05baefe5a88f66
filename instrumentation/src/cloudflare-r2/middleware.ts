import type { AnyFunction } from '../instrument/package-instrumentation.ts';
import { within } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { R2Call } from './call.ts';
import { r2EndpointOf } from './hosts.ts';
import type { Handler, HandlerArguments, HandlerContext, HandlerOutput, S3ClientLike } from './internal-types.ts';

/*
 * Every command of a client is handed to its `send`; where it goes to, and in how many attempts, is known only further down, when the
 * SDK has resolved the endpoint (of the client, the environment, the shared configuration file, a function). So `send` adds two
 * middlewares to the client, the SDK's own way of extending it: one around the whole command, one around each HTTP request. What goes to real S3 or is
 * never sent (a presigned URL, a command that fails validation) passes them untouched. Both hand on the very promises they are given.
 */

const CALL = Symbol('client-cost r2 call');
type Arguments = HandlerArguments & { readonly [CALL]?: R2Call };

const watched = new WeakSet<object>();
let enabled = false;
/** Of the options of the `send` that is running: by the time of a request they are out of sight. */
let abortSignal: unknown;

export function wrapSend(original: AnyFunction): AnyFunction {
  return function send(this: S3ClientLike, command: unknown, optionsOrCallback: unknown, callback: unknown) {
    enabled = true;
    watch(this);
    const outer = abortSignal;
    abortSignal = abortSignalOf(optionsOrCallback);
    try {
      return original.call(this, command, optionsOrCallback, callback);
    } finally {
      abortSignal = outer;
    }
  };
}

/** The clients keep their middlewares: from here on these do nothing. */
export function stopWatching(): void {
  enabled = false;
}

function watch(client: S3ClientLike): void {
  try {
    if (watched.has(client)) return;
    watched.add(client);
    const stack = client.middlewareStack;
    if (typeof stack?.add !== 'function') throw new TypeError('the client has no middleware stack');
    stack.add(aroundCommand, { name: 'clientCostCommand', step: 'initialize', priority: 'high', override: true });
    stack.add(aroundRequest, { name: 'clientCostRequest', step: 'deserialize', priority: 'low', override: true });
    // Made before the middlewares were there.
    if (client.handlers !== undefined) client.handlers = undefined;
  } catch (error) {
    warnOnce('r2:watch', 'cloudflare_r2: a client could not be watched: its calls are NOT recorded', error);
  }
}

function aroundCommand(next: Handler, handlerContext: HandlerContext): Handler {
  return (args) => {
    if (!enabled) return next(args);
    const call = made(() => new R2Call(handlerContext?.commandName, args.input, abortSignal));
    if (call === undefined) return next(args);
    const result = next({ ...args, [CALL]: call } as HandlerArguments);
    call.endsWith(result);
    return result;
  };
}

function aroundRequest(next: Handler, handlerContext: HandlerContext): Handler {
  return (args) => {
    const endpoint = enabled ? endpointOf(args) : undefined;
    if (endpoint === undefined) return next(args);
    const known = (args as Arguments)[CALL];
    // A middleware of the application made the arguments anew: each request is then a call of its own.
    const call = known ?? made(() => new R2Call(handlerContext?.commandName, args.input));
    if (call === undefined) return next(args);
    const answer: Promise<HandlerOutput> = within(call.attempt(endpoint), () => next(args));
    try {
      answer.then(
        (output) => call.answered(output?.response),
        (error) => call.unanswered(error),
      );
    } catch (error) {
      warnOnce('r2:follow', 'cloudflare_r2: an answer could not be waited for', error);
    }
    if (known === undefined) call.endsWith(answer);
    return answer;
  };
}

function abortSignalOf(given: unknown): unknown {
  try {
    return (given as { readonly abortSignal?: unknown } | null | undefined)?.abortSignal;
  } catch {
    return undefined;
  }
}

function made(make: () => R2Call): R2Call | undefined {
  try {
    return make();
  } catch (error) {
    warnOnce('r2:call', 'cloudflare_r2: a call could not be recorded', error);
    return undefined;
  }
}

function endpointOf(args: HandlerArguments) {
  try {
    return r2EndpointOf(args.request);
  } catch (error) {
    warnOnce('r2:endpoint', 'cloudflare_r2: a request could not be read: it is NOT recorded', error);
    return undefined;
  }
}
