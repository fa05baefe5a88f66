import type { RuleGroup } from './files.ts';
import { clientRules } from './rules-clients.ts';
import { pipelineRules } from './rules-pipeline.ts';

export type Severity = 'warning' | 'critical';

const FOLDER = 'client-cost';

/**
 * All rules: five about clients, five about the pipeline. Every five minutes: clients are compared by day and month, the pipeline by the
 * hour, so that looking more often would find the same.
 */
export const ruleGroups: readonly RuleGroup[] = [
  { orgId: 1, name: 'clients', folder: FOLDER, interval: '5m', rules: clientRules },
  { orgId: 1, name: 'pipeline', folder: FOLDER, interval: '5m', rules: pipelineRules },
];
