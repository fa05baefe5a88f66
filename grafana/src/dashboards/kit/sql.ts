import { variableText } from '../../plugin/sql.ts';

/** SQL of the variables. A parameterised view takes each of them: they are constant expressions. */
export const MONTH = variableText('month');
export const CLIENT = variableText('client');

export const FIRST_DAY = `toDate(concat(${MONTH}, '-01'))`;
export const LAST_DAY = `toLastDayOfMonth(${FIRST_DAY})`;

/** The last day of the month that has begun: today in the current month, the month's last day in an older one. */
export const AS_OF = `least(toDate(now('UTC')), ${LAST_DAY})`;

/** Arguments of the views that take a period. */
export const PERIOD = `first_day = ${FIRST_DAY}, last_day = ${LAST_DAY}`;

const NAMES = {
  openai: 'OpenAI',
  azure_openai: 'Azure OpenAI',
  twilio_sms: 'Twilio SMS',
  twilio_voice: 'Twilio voice',
  twilio_phone: 'Twilio numbers',
  stripe: 'Stripe',
  google_places: 'Google Places',
  cloudflare_r2: 'R2 storage',
} as const;

const list = (texts: readonly string[]): string => `[${texts.map((text) => `'${text}'`).join(', ')}]`;

/** SQL of a service's name as people write it; of one that is not known here its id without underscores. */
export const serviceName = (column: string): string =>
  `transform(toString(${column}), ${list(Object.keys(NAMES))}, ${list(Object.values(NAMES))}, replaceAll(toString(${column}), '_', ' '))`;

/**
 * The last six months, newest first: the value (`2026-11`), then the text (`November 2026`), in the order in which the plugin reads the
 * columns of a variable's query. From the clock, so that the list is there before the first usage is.
 */
export const MONTHS = `SELECT formatDateTime(start, '%Y-%m') AS value, formatDateTime(start, '%M %Y') AS text
FROM (SELECT addMonths(toStartOfMonth(toDate(now('UTC'))), -toInt32(number)) AS start FROM numbers(6))
ORDER BY start DESC`;

/** Every client that has a row or ever used anything: the id, then the name. */
export const CLIENTS = 'SELECT client_id AS value, label AS text FROM client_list ORDER BY lower(label), client_id';
