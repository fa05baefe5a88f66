import type { Decimal } from '../../money.ts';
import type { HostPattern } from '../hosts.ts';
import type { JsonPath, PathPattern } from './paths.ts';

/** Where a value of a call is: in the file itself, or in its request or answer. */
export type Source =
  | { readonly from: 'constant'; readonly value: string }
  | { readonly from: 'response.json' | 'request.json'; readonly path: JsonPath; readonly fallback?: string | undefined }
  | {
      readonly from: 'response.header' | 'request.header' | 'request.query' | 'request.path';
      readonly name: string;
      readonly fallback?: string | undefined;
    };

/** A number: what is found added up (or counted), divided, rounded. */
export interface NumberSource {
  readonly source: Source;
  readonly count: boolean;
  readonly divideBy: Decimal | undefined;
  readonly roundUp: boolean;
  readonly minimum: Decimal | undefined;
  /** Nothing is done to what is found. */
  readonly plain: boolean;
}

/** `one of these`; an empty list: whatever it is. */
export type Wanted = readonly string[];

export interface Operation {
  readonly operation: string;
  /** Upper case; empty: any. */
  readonly methods: readonly string[];
  readonly path: PathPattern;
  readonly query: readonly (readonly [name: string, wanted: Wanted])[];
  readonly body: readonly (readonly [path: JsonPath, wanted: Wanted])[];
  readonly unit: string;
  readonly quantity: NumberSource;
  readonly sku: Source | undefined;
  readonly externalId: Source | undefined;
  readonly cost: { readonly amount: NumberSource; readonly currency: Source } | undefined;
  readonly failed: { readonly source: Source; readonly unless: readonly string[] } | undefined;
  readonly billed: StatusTest;
}

export type StatusTest = (status: number) => boolean;

/** One service of the providers file, validated. */
export interface HttpProvider {
  readonly service: string;
  readonly hosts: readonly string[];
  readonly patterns: readonly HostPattern[];
  /** Whether a request that no operation fits is recorded, as `unknown` and unpriced. */
  readonly recordUnknown: boolean;
  readonly billed: StatusTest;
  readonly operations: readonly Operation[];
}
