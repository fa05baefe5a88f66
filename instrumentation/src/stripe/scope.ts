import { normalizeClientId } from '../attribution/client-id.ts';
import { currentScope } from '../attribution/index.ts';
import { currentTime } from '../clock.ts';
import { recallCharge, rememberCharge } from '../recorder/open-charges.ts';
import type { UsageScope } from '../types.ts';
import { isObject, textOf } from './internal-types.ts';
import { clientMetadataKey } from './settings.ts';

/**
 * Who pays for money that moves outside of any client's scope (a webhook, a capture by a timer, a refund by an operator): who the payment
 * was begun for in this process, else who the object's metadata names, where the user said under which key.
 *
 * @param ids of the objects it belongs to (`pi_…`, `ch_…`)
 */
export function scopeOf(ids: readonly (string | undefined)[], metadata: unknown): UsageScope {
  const scope = currentScope();
  if (scope.clientId !== undefined) return scope;
  for (const id of ids) {
    if (id === undefined) continue;
    const begun = (recallCharge(`stripe:begun:${id}`) ?? recallCharge(`stripe:${id}`))?.scope;
    if (begun?.clientId !== undefined) return begun;
  }
  const key = clientMetadataKey();
  const named = key !== undefined && isObject(metadata) ? textOf(metadata[key]) : undefined;
  const clientId = named === undefined ? undefined : normalizeClientId(named, `the Stripe metadata "${key}"`);
  return clientId === undefined ? scope : { ...scope, clientId };
}

/** A payment intent's client: what comes of it later belongs to the same. */
export function rememberIntent(id: string | undefined, scope: UsageScope): void {
  if (id === undefined || scope.clientId === undefined) return;
  rememberCharge(`stripe:begun:${id}`, { usageId: '', version: 0, scope, at: currentTime() });
}
