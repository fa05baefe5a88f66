import { PERIOD } from '../kit/sql.ts';
import { stat } from '../kit/stat.ts';

const card = (title: string, description: string, first: string, second?: readonly [column: string, sql: string]) =>
  stat({
    title,
    description,
    sql: `SELECT ${[`toFloat64(${first}) AS "Cost"`, ...(second ? [`${second[1]} AS "${second[0]}"`] : [])].join(', ')}
FROM period_totals(${PERIOD})`,
    unit: 'currencyUSD',
    ...(second ? { units: { [second[0]]: 'locale' } } : {}),
  });

export const totalCost = () =>
  card(
    'Total cost',
    'List-price cost of everything recorded in the month, usage without a client included. Beside it the clients that used anything.',
    'total_cost',
    ['Active clients', 'toFloat64(active_clients)'],
  );

export const openai = () =>
  card('OpenAI', 'Calls that OpenAI itself bills; models of other providers are under “Other”.', 'openai_cost', [
    'Calls',
    'toFloat64(openai_calls)',
  ]);

export const sms = () =>
  card('Twilio SMS', 'Messages count in segments, as Twilio bills them.', 'twilio_sms_cost', [
    'Messages',
    'toFloat64(total_messages)',
  ]);

export const averagePerClient = () =>
  card(
    'Average per client',
    'Cost of the month by active client. Usage without a client is left out.',
    'average_per_client',
  );
