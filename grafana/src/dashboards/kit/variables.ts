import { queryVariable } from './dashboard.ts';
import { CLIENTS, MONTHS } from './sql.ts';

export const monthVariable = () =>
  queryVariable(
    'month',
    'Month',
    'The last six months (UTC). Everything but the active alerts is about this month.',
    MONTHS,
  );

export const clientVariable = () =>
  queryVariable('client', 'Client', 'Everyone who has a row in clients or ever used anything.', CLIENTS);
