import type { RuleGroup } from './files.ts';
import { clientRules } from './rules-clients.ts';
import { pipelineRules } from './rules-pipeline.ts';

export type Severity = 'warning' | 'critical';

const FOLDER = 'client-cost';

/** All rules: five about clients, five about the pipeline. */
export const ruleGroups: readonly RuleGroup[] = [
  // The rollups that the views read are refreshed every few minutes: more often would ask for the same numbers.
  { orgId: 1, name: 'clients', folder: FOLDER, interval: '5m', rules: clientRules },
  { orgId: 1, name: 'pipeline', folder: FOLDER, interval: '1m', rules: pipelineRules },
];
