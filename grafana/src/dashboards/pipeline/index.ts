import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { assemble, datasourceVariable, UID } from '../kit/dashboard.ts';
import { delay, freshness, lastEvent, queue, rejected, texts, unpriced } from './cards.ts';
import { collector, counters, delays, events } from './charts.ts';
import { checks, rejections, troubles } from './tables.ts';

/** Whether usage arrives, is priced and is told: from a service's call to the ledger, and from an alert to a phone. */
export const pipelineDashboard = (): Dashboard =>
  assemble({
    uid: UID.pipeline,
    title: 'Client cost: pipeline health',
    description:
      'Whether every call arrives in the ledger, has a price, and whether alerts reach a phone. Times are UTC.',
    variables: [datasourceVariable()],
    links: [
      {
        title: 'All clients',
        url: `/d/${UID.overview}?var-datasource=\${datasource:percentencode}`,
        icon: 'dashboard',
      },
    ],
    time: { from: 'now-6h', to: 'now', refresh: '1m' },
    panels: [
      [lastEvent(), 0, 0, 4, 4],
      [delay(), 4, 0, 4, 4],
      [rejected(), 8, 0, 4, 4],
      [unpriced(), 12, 0, 4, 4],
      [queue(), 16, 0, 4, 4],
      [texts(), 20, 0, 4, 4],
      [checks(), 0, 4, 16, 8],
      [freshness(), 16, 4, 8, 8],
      [events(), 0, 12, 12, 8],
      [delays(), 12, 12, 12, 8],
      [counters(), 0, 20, 12, 8],
      [collector(), 12, 20, 12, 8],
      [rejections(), 0, 28, 24, 6],
      [troubles(), 0, 34, 24, 6],
    ],
  });
