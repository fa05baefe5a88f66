export type { CostSource, TokenUsage, UsageOutcome, UsageScope } from './types.ts';
