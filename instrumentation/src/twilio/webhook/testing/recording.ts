import { diag } from '@opentelemetry/api';
import { afterEach, beforeEach, vi } from 'vitest';
import { forgetWarnings } from '../../../log.ts';
import { RecorderDouble } from '../../../openai/testing/recorder.ts';
import { setRecorder } from '../../../recorder/index.ts';
import { forgetCharges, rememberCharge } from '../../../recorder/open-charges.ts';
import type { CallEnd } from '../../../types.ts';
import { parseForm } from '../params.ts';
import { recordWebhook } from '../record.ts';
import { encode, type Fields } from './post.ts';

export const recorder = new RecorderDouble();
export const logger = { error: vi.fn(), warn: vi.fn(), info() {}, debug() {}, verbose() {} };
export const NOON = new Date('2026-11-22T12:00:00Z');
export const TOMORROW = new Date('2026-11-23T12:00:00Z');

/** Records into `recorder`, warns into `logger`; every test begins with a process that knows nothing. */
export function useRecorder(): void {
  beforeEach(() => {
    setRecorder(recorder);
    diag.setLogger(logger, { suppressOverrideMessage: true });
  });
  afterEach(() => {
    recorder.clear();
    setRecorder(undefined);
    forgetCharges();
    forgetWarnings();
    diag.disable();
    vi.clearAllMocks();
  });
}

/** Through the form's text, as it comes. */
export const record = (fields: Fields, at = NOON, clientId = 'acme') =>
  recordWebhook(parseForm(encode(fields)), at, { clientId });

export const ends = (): CallEnd[] => recorder.calls.map(({ end }) => end);

export const without = (fields: Fields, ...names: string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));

/** A charge that this process made the day before. */
export const made = (name: string, service: string, operation: string, more = {}) =>
  rememberCharge(`twilio:${name}`, {
    usageId: 'id-of-creation',
    version: 1,
    scope: { clientId: 'creator' },
    at: new Date('2026-11-21T09:00:00Z'),
    service,
    operation,
    ...more,
  } as never);
