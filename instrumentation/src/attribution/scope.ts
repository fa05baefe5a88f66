import { type Context, context, createContextKey } from '@opentelemetry/api';
import { activeContext, exactlyOnce } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import type { UsageScope } from '../types.ts';
import { enteredIn, sharedStorage } from './entered.ts';

// One key in the process, also when two copies of this file are loaded: createContextKey is Symbol.for underneath.
const SCOPE_KEY = createContextKey('client-cost usage scope');
const OF_REQUEST = Symbol.for('client-cost request scope');

/**
 * The root of one incoming HTTP request. An object of its own per request, so that what `setClient` says in one
 * request can never be read in another one. Its only mutable part is the client that `setClient` named for the request.
 */
export class RequestScope implements UsageScope {
  /** Also of one that another copy of this file made. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return (value as { [OF_REQUEST]?: unknown } | undefined)?.[OF_REQUEST] === true;
  }

  readonly [OF_REQUEST] = true;
  readonly clientId?: string;
  /** What a peer that is not believed sent as client.id, in every way of reading it. */
  readonly distrusted: ReadonlySet<string> | undefined;
  /** What setClient / usageContext said for the request; code that is not downstream of them reads it too. */
  #later: UsageScope | undefined;
  #conflict = false;

  constructor(clientId: string | undefined, distrusted?: ReadonlySet<string>) {
    if (clientId !== undefined) this.clientId = clientId;
    this.distrusted = distrusted;
  }

  /** The scope of code in this request that no setClient or withClient is upstream of. */
  get resolved(): UsageScope {
    return this.#later ?? this;
  }

  /** `next` was made from `current`. Two clients named independently of each other cancel out for the rest. */
  refine(current: UsageScope | undefined, next: UsageScope): void {
    if (this.#conflict) return;
    if (this.#later === undefined || this.#later === current || this.#later.clientId === next.clientId) {
      this.#later = next;
      return;
    }
    this.#conflict = true;
    this.#later = undefined;
  }
}

interface Entered {
  /** The scope object that the OpenTelemetry context carried when this was entered. */
  readonly base: UsageScope | undefined;
  readonly scope: UsageScope;
  readonly request: RequestScope | undefined;
  /** Nothing but setClient / usageContext stands between this and the request itself. */
  readonly ofRequest: boolean;
}

const storage = sharedStorage<Entered>('scopes');
const TROUBLE = 'AsyncLocalStorage fails: calls may be unattributed';

const scopeOf = (ctx: Context): UsageScope | undefined => ctx.getValue(SCOPE_KEY) as UsageScope | undefined;

const enteredHere = (): Entered | undefined => enteredIn(storage, 'storage', TROUBLE);

/**
 * What was entered in this async execution, when it still holds: the OpenTelemetry context carries the scope object it
 * was entered upon. Else somebody made another context active inside (withClient, context.with, a bound callback) and
 * that one wins. One exception: a context without any scope inside a request (an HTTP instrumentation starts from
 * ROOT_CONTEXT) does not take the request's client away.
 */
function enteredUpon(active: UsageScope | undefined): Entered | undefined {
  const entered = enteredHere();
  if (entered === undefined) return undefined;
  if (entered.base === active) return entered;
  return active === undefined && entered.base === entered.request ? entered : undefined;
}

const resolve = (scope: UsageScope | undefined): UsageScope | undefined =>
  scope instanceof RequestScope ? scope.resolved : scope;

/** The scope in force here; undefined where there is none. */
export function activeScope(): UsageScope | undefined {
  const active = scopeOf(activeContext());
  return resolve(enteredUpon(active)?.scope ?? active);
}

/** The incoming request that this code runs in, if any. */
export function activeRequest(): RequestScope | undefined {
  const active = scopeOf(activeContext());
  return enteredUpon(active)?.request ?? (active instanceof RequestScope ? active : undefined);
}

/** Runs `fn` in `scope` and returns what it returns. Nothing that `fn` does leaks out. */
export function runInScope<T>(scope: UsageScope, fn: () => T, parent: Context = activeContext()): T {
  const ofRequest = scope instanceof RequestScope;
  const request = ofRequest ? scope : activeRequest();
  const inside = (): T =>
    exactlyOnce(
      (run) => {
        // The base is read inside: with no context manager the OpenTelemetry context stays as it is, and our own storage
        // alone carries the scope.
        storage.run({ base: scopeOf(activeContext()), scope, request, ofRequest }, run);
      },
      fn,
      'a client could not be put in force: calls may be unattributed',
    );
  return exactlyOnce(
    (run) => context.with(parent.setValue(SCOPE_KEY, scope), run),
    inside,
    'a client could not be put in the OpenTelemetry context',
  );
}

/** Puts a scope, made from the current one, in force for the rest of the current async execution. */
export function enterScope(make: (current: UsageScope | undefined) => UsageScope): void {
  const active = scopeOf(activeContext());
  const entered = enteredUpon(active);
  const from = entered?.scope ?? active;
  const request = entered?.request ?? (active instanceof RequestScope ? active : undefined);
  const next = make(resolve(from));
  // What is said inside withClient ends with withClient; what is said outside of any concerns the rest of the request.
  const ofRequest = entered === undefined ? request !== undefined : entered.ofRequest;
  if (ofRequest) request?.refine(from === request ? undefined : from, next);
  try {
    storage.enterWith({ base: active, scope: next, request, ofRequest });
  } catch (error) {
    warnOnce('storage', TROUBLE, error);
  }
}
