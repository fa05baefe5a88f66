import type { UsageScope } from '../types.ts';

/** A charge that this process has recorded and that a later report (a status callback) may still change. */
export interface OpenCharge {
  readonly usageId: string;
  /** Of the newest event emitted. */
  version: number;
  readonly scope: UsageScope;
  /** When the charge was made; a follow-up keeps it, so that it stays on its day. */
  readonly at: Date;
}

const MAX = 10_000;
const open = new Map<string, OpenCharge>();

/** Remembers a charge by what the provider calls it (`twilio:CA…`). Bounded: the oldest go first. */
export function rememberCharge(key: string, charge: OpenCharge): void {
  open.delete(key);
  if (open.size >= MAX) {
    const oldest = open.keys().next();
    if (!oldest.done) open.delete(oldest.value);
  }
  open.set(key, charge);
}

/** The charge, where this process made it and still knows it. Elsewhere the ledger finds it (docs/ledger.md). */
export function recallCharge(key: string): OpenCharge | undefined {
  return open.get(key);
}

/** For tests. */
export function forgetCharges(): void {
  open.clear();
}
