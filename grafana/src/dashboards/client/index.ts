import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { clientAlerts } from '../kit/alerts.ts';
import { assemble, datasourceVariable, UID } from '../kit/dashboard.ts';
import { TO_OVERVIEW, TO_PIPELINE } from '../kit/links.ts';
import { CLIENT } from '../kit/sql.ts';
import { clientVariable, monthVariable } from '../kit/variables.ts';
import { costByService, models, operations, priced, recentCalls } from './breakdowns.ts';
import { costPerDay, monthAgainstLimits } from './days.ts';
import { dailyAverage, limits, monthToDate, projectedTotal } from './month.ts';

/** One client in a month: what is wrong now, where the month is heading, what it is spent on. */
export const clientDashboard = (): Dashboard =>
  assemble({
    uid: UID.client,
    title: 'Client cost: client',
    description: 'What one client costs in a month, at list prices (USD). Days and months are UTC.',
    variables: [clientVariable(), monthVariable(), datasourceVariable()],
    links: [TO_OVERVIEW, TO_PIPELINE],
    panels: [
      [clientAlerts(CLIENT), 0, 0, 14, 8],
      [monthToDate(), 14, 0, 5, 4],
      [projectedTotal(), 19, 0, 5, 4],
      [dailyAverage(), 14, 4, 5, 4],
      [limits(), 19, 4, 5, 4],
      [costPerDay(), 0, 8, 12, 9],
      [monthAgainstLimits(), 12, 8, 12, 9],
      [costByService(), 0, 17, 10, 8],
      [operations(), 10, 17, 9, 8],
      [priced(), 19, 17, 5, 8],
      [models(), 0, 25, 24, 7],
      [recentCalls(), 0, 32, 24, 10],
    ],
  });
