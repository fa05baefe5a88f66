import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { clientDashboard } from './client/index.ts';
import { overviewDashboard } from './overview/index.ts';
import { pipelineDashboard } from './pipeline/index.ts';

/** All dashboards, as Grafana's classic model. */
export const allDashboards = (): Dashboard[] => [overviewDashboard(), clientDashboard(), pipelineDashboard()];

/** The dashboards' files as text by their path below `grafana/`. */
export function dashboards(): Record<string, string> {
  return Object.fromEntries(
    allDashboards().map((dashboard) => [
      `dashboards/${dashboard.uid}.json`,
      `${JSON.stringify(dashboard, undefined, 2)}\n`,
    ]),
  );
}
