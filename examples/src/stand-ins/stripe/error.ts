/** An error answer of the API. */
export class StripeFault extends Error {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    type: string,
    message: string,
    more: Record<string, unknown> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.body = { error: { message, type, ...more } };
  }
}

export const missing = (param: string): StripeFault =>
  new StripeFault(400, 'invalid_request_error', `Missing required param: ${param}.`, {
    code: 'parameter_missing',
    doc_url: 'https://stripe.com/docs/error-codes/parameter-missing',
    param,
  });

export const invalid = (param: string, message: string, code?: string): StripeFault =>
  new StripeFault(400, 'invalid_request_error', message, { ...(code === undefined ? {} : { code }), param });

export const noSuch = (what: string, id: string, param = 'id'): StripeFault =>
  new StripeFault(404, 'invalid_request_error', `No such ${what}: '${id}'`, {
    code: 'resource_missing',
    doc_url: 'https://stripe.com/docs/error-codes/resource-missing',
    param,
  });

/** A state that does not allow what was asked. */
export const unexpectedState = (message: string, paymentIntent: unknown): StripeFault =>
  new StripeFault(400, 'invalid_request_error', message, {
    code: 'payment_intent_unexpected_state',
    doc_url: 'https://stripe.com/docs/error-codes/payment-intent-unexpected-state',
    payment_intent: paymentIntent,
  });
