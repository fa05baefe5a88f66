import { COLOR } from '../kit/colors.ts';
import { table } from '../kit/table.ts';
import { AT, RANGE } from './range.ts';

export const checks = () =>
  table({
    title: 'Checks',
    description: 'What the alert rules of the pipeline say at the end of the time range, from the view that they read.',
    sql: `SELECT
  if(p.state = 1, p.severity, 'ok') AS result,
  transform(p.alert_type,
    ['pipeline_silent', 'pipeline_rejected', 'pipeline_unpriced', 'pipeline_counters', 'sms_undelivered'],
    ['Events arrive', 'Events can be read', 'Prices are known', 'Counters agree', 'Texts arrive'], p.alert_type) AS check,
  p.message AS message
FROM pipeline_alert_states(${AT}) AS p
ORDER BY p.state DESC, p.severity = 'critical' DESC, check`,
    columns: [
      {
        name: 'result',
        title: 'Result',
        width: 90,
        values: {
          ok: { text: 'OK', color: COLOR.calm },
          warning: { text: 'warning', color: COLOR.warning },
          critical: { text: 'critical', color: COLOR.critical },
        },
      },
      { name: 'check', title: 'Check', width: 160 },
      { name: 'message', title: 'What it says', wrap: true },
    ],
    noValue: 'No checks',
  });

export const rejections = () =>
  table({
    title: 'Why events were rejected',
    description:
      'Nothing of them is billed. The rows are kept as they came, in usage_events_rejected; a service that sends such events must be mended, and its events sent again.',
    sql: `SELECT reason, rejected, services, newest
FROM pipeline_rejections(${RANGE}) LIMIT 50`,
    columns: [
      { name: 'reason', title: 'Reason' },
      { name: 'rejected', title: 'Events', unit: 'short', decimals: 0, width: 80, color: [COLOR.warning] },
      { name: 'services', title: 'Sent by', width: 260 },
      { name: 'newest', title: 'Newest', unit: 'dateTimeFromNow', width: 120 },
    ],
    noValue: 'None found',
  });

export const troubles = () =>
  table({
    title: 'Texts that wait or did not arrive',
    description:
      'By alert and person, what happened last. “maybe sent”: the connection broke while Twilio was asked; it is looked for in Twilio’s list, and sent once more with a mark where it is not found.',
    sql: `SELECT state, client_name, message, recipient, error, since
FROM sms_troubles(${RANGE}) LIMIT 50`,
    columns: [
      {
        name: 'state',
        title: 'State',
        width: 110,
        values: {
          waiting: { text: 'waiting', color: COLOR.plain },
          'maybe sent': { text: 'maybe sent', color: COLOR.warning },
          'not delivered': { text: 'not delivered', color: COLOR.critical },
        },
      },
      { name: 'client_name', title: 'Client', width: 200, noValue: 'Pipeline' },
      { name: 'message', title: 'Alert' },
      { name: 'recipient', title: 'To', width: 100 },
      { name: 'error', title: 'Why', width: 260, wrap: true },
      { name: 'since', title: 'Since', unit: 'dateTimeFromNow', width: 120 },
    ],
    noValue: 'None found',
  });
