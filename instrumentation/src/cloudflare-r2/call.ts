import type { Attributes, Context } from '@opentelemetry/api';
import { currentScope } from '../attribution/index.ts';
import { currentTime } from '../clock.ts';
import { activeContext, within } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { getRecorder } from '../recorder/index.ts';
import type { BillableCall, CallEnd, UsageScope } from '../types.ts';
import { type Attempt, type Verdict, verdictOf } from './billing.ts';
import type { Endpoint } from './hosts.ts';
import { INFREQUENT_ACCESS, type Operation, operationOf, skuOf } from './operations.ts';
import { bag, count, gigabytes, headerOf, text } from './values.ts';

const SERVICE = 'cloudflare_r2';

/** Multipart uploads of this process into Infrequent Access: their parts do not name the storage class. Bounded. */
const infrequentUploads = new Set<string>();
const MAX_UPLOADS = 10_000;

/** One command on its way through the SDK: its attempts are requests to R2, each an operation. Methods never throw. */
export class R2Call {
  private readonly operation: Operation;
  private readonly input: Readonly<Record<string, unknown>> | undefined;
  private readonly abortSignal: Readonly<Record<string, unknown>> | undefined;
  private readonly started = currentTime();
  private readonly outside: Context = activeContext();
  private billable: BillableCall | undefined;
  private scope: UsageScope | undefined;
  private billed = 0;
  private uncertain = 0;
  private attempts = 0;
  private last: Attempt | undefined;
  private verdict: Verdict | undefined;
  private requestId: string | undefined;
  private abortedBefore = false;

  constructor(commandName: unknown, input: unknown, abortSignal?: unknown) {
    this.operation = operationOf(commandName);
    this.input = bag(input);
    this.abortSignal = bag(abortSignal);
  }

  /** @param settled what the whole command, retries included, ends with */
  endsWith(settled: Promise<{ readonly output?: unknown }>): void {
    try {
      // At once, before the SDK waits for it: a caller with a callback is told in the turn in which this settles.
      settled.then(
        (result) => this.finish(bag(result?.output), undefined, false),
        (error) => this.finish(undefined, error, true),
      );
    } catch (error) {
      warnOnce('r2:follow', 'cloudflare_r2: an answer could not be waited for', error);
    }
  }

  /** A request is about to be sent. Returns the context to send it in. */
  attempt(endpoint: Endpoint): Context {
    try {
      this.attempts += 1;
      // The SDK's request handler then sends nothing.
      this.abortedBefore = this.abortSignal?.aborted === true;
      if (this.billable === undefined) this.begin(endpoint);
      return this.billable?.context ?? activeContext();
    } catch (error) {
      warnOnce('r2:begin', 'cloudflare_r2: a call could not be recorded', error);
      return activeContext();
    }
  }

  answered(response: unknown): void {
    try {
      const status = count(bag(response)?.statusCode);
      const headers = bag(bag(response)?.headers);
      this.requestId = headerOf(headers, 'x-amz-request-id') ?? headerOf(headers, 'cf-ray') ?? this.requestId;
      this.judge({ status });
    } catch (error) {
      warnOnce('r2:answer', 'cloudflare_r2: an answer could not be read', error);
      this.judge({});
    }
  }

  /** The request ended without an answer. */
  unanswered(error: unknown): void {
    try {
      this.judge({ code: bag(error)?.code, sent: !this.abortedBefore });
    } catch {
      this.judge({});
    }
  }

  private begin(endpoint: Endpoint): void {
    const { method, name } = this.operation;
    const attributes: Attributes = {
      'rpc.system': 'aws-api',
      'rpc.service': 'S3',
      'rpc.method': method,
      'server.address': withoutBucket(endpoint.address, text(this.input?.Bucket)),
      'server.port': endpoint.port,
    };
    // The call's own place and time: by now the SDK has awaited credentials and endpoint.
    this.billable = within(this.outside, () => {
      this.scope = currentScope();
      return getRecorder().start({
        service: SERVICE,
        operation: name,
        spanName: `${SERVICE} ${name}`,
        attributes,
        startTime: this.started,
        scope: this.scope,
      });
    });
  }

  private judge(attempt: Attempt): void {
    this.settleLast();
    this.last = attempt;
    this.verdict = verdictOf(attempt);
  }

  private settleLast(): void {
    if (this.verdict === 'billed') this.billed += 1;
    else if (this.verdict === 'unknown') this.uncertain += 1;
    this.verdict = undefined;
  }

  private finish(output: Readonly<Record<string, unknown>> | undefined, error: unknown, failed: boolean): void {
    // Never sent to R2.
    if (this.billable === undefined) return;
    try {
      const name = failed ? text(bag(error)?.name) : undefined;
      if (this.verdict !== undefined && this.last !== undefined) this.verdict = verdictOf(this.last, name);
      this.settleLast();
      const infrequent = this.isInfrequentAccess(output);
      this.billable.end({ ...this.charge(infrequent), ...this.outcome(failed, error, name) });
      if (infrequent && this.operation.method === 'GetObject' && !failed) this.chargeRetrieval(output);
    } catch (problem) {
      warnOnce('r2:end', 'cloudflare_r2: an answer could not be read; the call is recorded unpriced', problem);
      try {
        this.billable.end({ outcome: 'ok', unpricedReason: 'the answer could not be read' });
      } catch (again) {
        // Nobody waits for this: it would be a rejection of the process.
        warnOnce('r2:lost', 'cloudflare_r2: a call could not be recorded', again);
      }
    }
  }

  /** Each attempt that R2 counts is an operation. */
  private charge(infrequentAccess: boolean): Omit<CallEnd, 'outcome'> {
    const attributes: Attributes = {};
    if (this.last?.status !== undefined) attributes['http.response.status_code'] = this.last.status;
    if (this.attempts > 1) attributes['http.request.resend_count'] = this.attempts - 1;
    if (this.requestId !== undefined) attributes['aws.request_id'] = this.requestId;
    const sku = skuOf(this.operation, infrequentAccess);
    const about = { sku, externalId: this.requestId, attributes };
    // Free whatever became of it.
    if (sku === 'free') return { ...about, quantity: Math.max(1, this.billed) };
    if (this.billed > 0) return { ...about, quantity: this.billed, estimated: this.uncertain > 0 };
    if (this.uncertain === 0) return { ...about, quantity: 0, billed: false };
    const unpricedReason =
      this.last?.status === undefined
        ? 'no answer came: it is not known whether R2 counted the operation'
        : `Cloudflare does not say whether an answer of ${this.last.status} is billed`;
    return { ...about, quantity: this.uncertain, unpricedReason };
  }

  private outcome(failed: boolean, error: unknown, name: string | undefined): Pick<CallEnd, 'outcome'> {
    // Not modified: the SDK rejects, but it is what was asked for.
    if (!failed || this.last?.status === 304) return { outcome: 'ok' };
    if (name === 'AbortError') return { outcome: 'aborted', error, errorType: name } as CallEnd;
    const { status, code } = this.last ?? {};
    const errorType = name === undefined || /^(Error|UnknownError|Unknown)$/.test(name) ? (status ?? text(code)) : name;
    return { outcome: 'error', error, errorType: errorType === undefined ? name : String(errorType) } as CallEnd;
  }

  private isInfrequentAccess(output: Readonly<Record<string, unknown>> | undefined): boolean {
    const said = this.input?.StorageClass ?? output?.StorageClass;
    const upload = text(this.input?.UploadId);
    if (this.operation.method === 'CreateMultipartUpload' && said === INFREQUENT_ACCESS) {
      const created = text(output?.UploadId);
      if (infrequentUploads.size >= MAX_UPLOADS) infrequentUploads.clear();
      if (created !== undefined) infrequentUploads.add(created);
    }
    if (said !== undefined || upload === undefined) return said === INFREQUENT_ACCESS;
    const infrequent = infrequentUploads.has(upload);
    if (/^(Complete|Abort)MultipartUpload$/.test(this.operation.method)) infrequentUploads.delete(upload);
    return infrequent;
  }

  /** Reading what is stored in Infrequent Access costs by the gigabyte, beside the operation. */
  private chargeRetrieval(output: Readonly<Record<string, unknown>> | undefined): void {
    const bytes = count(output?.ContentLength);
    const operation = 'data_retrieval';
    const scope = { ...this.scope, operation: undefined };
    within(this.outside, () =>
      getRecorder().start({ service: SERVICE, operation, spanName: `${SERVICE} ${operation}`, scope }),
    ).end({
      outcome: 'ok',
      sku: operation,
      unit: 'gb',
      quantity: bytes === undefined ? 0 : gigabytes(bytes),
      externalId: this.requestId,
      ...(bytes === undefined ? { unpricedReason: 'the length of what was read is not known' } : {}),
    });
  }
}

/** A bucket may be named after a person or a customer, and some clients put it in front of the host. */
function withoutBucket(host: string, bucket: string | undefined): string {
  const front = `${bucket?.toLowerCase()}.`;
  return bucket !== undefined && host.startsWith(front) ? host.slice(front.length) : host;
}
