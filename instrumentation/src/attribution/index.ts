import { propagation } from '@opentelemetry/api';
import { activeContext } from '../instrument/within.ts';
import { quote, warnOnce } from '../log.ts';
import type { UsageScope } from '../types.ts';
import { normalizeClientId } from './client-id.ts';
import { activeRequest, activeScope, enterScope, runInScope } from './scope.ts';

/** Name of the W3C baggage member that carries the client between own services. */
export const BAGGAGE_MEMBER = 'client.id';

const EMPTY: UsageScope = Object.freeze(Object.create(null));

/**
 * Runs `fn` for a client and returns what `fn` returns: every billable call inside is charged to that client, across
 * await, timers, streams and event emitters.
 *
 * @param clientId any non-empty string (an invalid one is ignored with one warning: `fn` runs in the scope around it)
 */
export function withClient<T>(clientId: string, fn: () => T): T {
  const id = normalizeClientId(clientId, 'withClient');
  return runInScope(merge(activeScope(), id === undefined ? EMPTY : { clientId: id }), fn);
}

/**
 * Names the client for the rest of the current async execution: for a middleware after authentication. In an incoming
 * HTTP request it holds for the rest of the request, in a function run by `withClient` until that function ends.
 * In a loop over jobs use `withClient`: an execution that goes on with the next job goes on with this client.
 */
export function setClient(clientId: string): void {
  const id = normalizeClientId(clientId, 'setClient');
  if (id !== undefined) enterScope((current) => merge(current, { clientId: id }));
}

/** Runs `fn` with more context around its billable calls: lead, message, flow execution, operation, metadata. */
export function usageContext<T>(scope: UsageScope, fn: () => T): T;
/** Adds that context for the rest of the current async execution, as `setClient` does. */
export function usageContext(scope: UsageScope): void;
export function usageContext<T>(scope: UsageScope, fn?: () => T): T | undefined {
  const added = sanitize(scope);
  if (fn !== undefined) return runInScope(merge(activeScope(), added), fn);
  enterScope((current) => merge(current, added));
  return undefined;
}

/**
 * The scope that a billable call made here would be charged to. Without a client in it, a `client.id` of the
 * OpenTelemetry baggage in the active context counts, unless it came from a peer that is not believed.
 */
export function currentScope(): UsageScope {
  const scope = activeScope() ?? EMPTY;
  if (scope.clientId !== undefined) return scope;
  const said = propagation.getBaggage(activeContext())?.getEntry(BAGGAGE_MEMBER)?.value;
  if (said === undefined || said === '' || activeRequest()?.distrusted?.has(said)) return scope;
  const clientId = normalizeClientId(said, 'baggage');
  return clientId === undefined ? scope : merge(scope, { clientId });
}

function merge(outer: UsageScope | undefined, inner: UsageScope): UsageScope {
  const metadata =
    outer?.metadata !== undefined && inner.metadata !== undefined
      ? { metadata: { ...outer.metadata, ...inner.metadata } }
      : undefined;
  // Plain fields of the outer scope only: a RequestScope carries more than a scope.
  const base: UsageScope =
    outer === undefined
      ? EMPTY
      : {
          clientId: outer.clientId,
          leadId: outer.leadId,
          messageId: outer.messageId,
          flowExecutionId: outer.flowExecutionId,
          operation: outer.operation,
          metadata: outer.metadata,
        };
  return Object.freeze({ ...base, ...inner, ...metadata });
}

const TEXT_FIELDS = ['leadId', 'messageId', 'flowExecutionId', 'operation'] as const;

/** A scope given by the application, with what cannot be recorded left out and said once. */
function sanitize(scope: UsageScope): UsageScope {
  if (typeof scope !== 'object' || scope === null) {
    warnOnce('usage-context', `usageContext: the scope must be an object, not ${quote(scope)}; it is ignored`);
    return EMPTY;
  }
  const result: { -readonly [K in keyof UsageScope]: UsageScope[K] } = {};
  if (scope.clientId !== undefined) {
    const id = normalizeClientId(scope.clientId, 'usageContext');
    if (id !== undefined) result.clientId = id;
  }
  for (const field of TEXT_FIELDS) {
    const value: unknown = scope[field];
    if (value === undefined || value === null) continue;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') {
      result[field] = String(value).toWellFormed();
    } else {
      warnOnce(`usage-context:${field}`, `usageContext: ${field} must be a string, not ${quote(value)}; it is ignored`);
    }
  }
  if (typeof scope.metadata === 'object' && scope.metadata !== null) result.metadata = { ...scope.metadata };
  else if (scope.metadata !== undefined) {
    const what = quote(scope.metadata);
    warnOnce('usage-context:metadata', `usageContext: metadata must be an object, not ${what}; it is ignored`);
  }
  return result;
}
