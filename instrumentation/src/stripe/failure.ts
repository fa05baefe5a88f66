import type { CallEnd } from '../types.ts';
import { isObject, textOf } from './internal-types.ts';

/** The request did not get as far as Stripe. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** What is recorded of a call that failed. */
export function failureOf(error: unknown): CallEnd {
  const said = isObject(error) ? error : {};
  const status = typeof said.statusCode === 'number' ? said.statusCode : undefined;
  const intent = isObject(said.payment_intent) ? textOf(said.payment_intent.id) : undefined;
  const rest: CallEnd = {
    outcome: 'error',
    error,
    errorType: errorTypeOf(said, status, error),
    quantity: '0',
    unit: 'usd',
    externalId: textOf(said.charge) ?? intent,
    ...(status === undefined ? undefined : { attributes: { 'http.response.status_code': status } }),
  };
  // A refused request moves no money, and on standard pricing a declined card costs nothing.
  if (status !== undefined && status >= 400 && status < 500) return { ...rest, billed: false };
  const { detail } = said;
  const code = isObject(detail) ? detail.code : undefined;
  if (typeof code === 'string' && NOT_SENT.has(code)) return { ...rest, billed: false };
  return { ...rest, unpricedReason: 'Stripe gave no answer that says whether money has moved' };
}

/** `error.type`: Stripe's code (`card_declined`), else the status, else the class of the error. */
function errorTypeOf(
  said: Readonly<Record<string, unknown>>,
  status: number | undefined,
  error: unknown,
): string | undefined {
  const code = textOf(said.code);
  if (code !== undefined && /^[a-z_]{1,64}$/.test(code)) return code;
  if (status !== undefined) return String(status);
  return isObject(error) ? (textOf(said.type) ?? textOf(error.constructor?.name)) : undefined;
}
