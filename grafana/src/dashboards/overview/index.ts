import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { allAlerts } from '../kit/alerts.ts';
import { assemble, datasourceVariable, UID } from '../kit/dashboard.ts';
import { TO_PIPELINE } from '../kit/links.ts';
import { monthVariable } from '../kit/variables.ts';
import { costPerDay, topClients, topModels, topOperations } from './breakdowns.ts';
import { averagePerClient, openai, sms, totalCost } from './cards.ts';
import { clients } from './clients.ts';

/** All clients in a month: what is wrong now, what the month costs, who costs it. */
export const overviewDashboard = (): Dashboard =>
  assemble({
    uid: UID.overview,
    title: 'Client cost: overview',
    description:
      'What every client costs in a month, at list prices (USD), by service of the bill. Days and months are UTC.',
    variables: [monthVariable(), datasourceVariable()],
    links: [TO_PIPELINE],
    panels: [
      [allAlerts(), 0, 0, 14, 8],
      [totalCost(), 14, 0, 5, 4],
      [averagePerClient(), 19, 0, 5, 4],
      [openai(), 14, 4, 5, 4],
      [sms(), 19, 4, 5, 4],
      [clients(), 0, 8, 24, 10],
      [costPerDay(), 0, 18, 16, 9],
      [topClients(), 16, 18, 8, 9],
      [topModels(), 0, 27, 13, 8],
      [topOperations(), 13, 27, 11, 8],
    ],
  });
