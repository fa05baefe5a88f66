import type { SmsConfig } from '../types.ts';
import type { AlertRow } from './alerts.ts';
import { MAX_NAME } from './link.ts';
import { STYLE } from './page-style.ts';
import { clockTime } from './people.ts';
import type { Channel } from './record.ts';

export interface PageOptions {
  readonly alerts: readonly AlertRow[];
  readonly config: Pick<SmsConfig, 'quietHours'>;
  readonly now: number;
  /** Fills the name in: who is signed in to Grafana, where the link was used there. */
  readonly by?: string | undefined;
  readonly how: Channel;
  /** What was wrong with what the form sent. */
  readonly problem?: string | undefined;
}

/** The page behind a link: what fires, since when, what it costs; a form while an alert waits for an answer, else who answered. */
export function alertPage({ alerts, config, now, by, how, problem }: PageOptions): string {
  const open = alerts.filter((alert) => alert.status === 'firing' && alert.acknowledged_at === null);
  const title =
    open.length > 0
      ? `Acknowledge ${open.length === 1 ? 'this alert' : `${open.length} alerts`}`
      : alerts.some((alert) => alert.acknowledged_at !== null)
        ? 'Acknowledged'
        : 'This alert is over';
  const form =
    open.length === 0
      ? '<small>There is nothing left to do here.</small>'
      : `<form method="post">
<input type="hidden" name="how" value="${html(how)}">
<label for="by">Your name</label>
<input id="by" name="by" value="${html(by ?? '')}" autocomplete="name" maxlength="${MAX_NAME}" required>
<button>Acknowledge</button>
<small>Nobody else is texted about ${open.length === 1 ? 'this alert' : 'these alerts'} after that.</small>
</form>`;
  const warning = problem === undefined ? '' : `<p class="problem" role="alert">${html(problem)}</p>`;
  return document(title, `${alerts.map((alert) => card(alert, config, now)).join('')}${warning}${form}`);
}

/** The page of a link that does nothing. */
export function messagePage(title: string, text: string): string {
  return document(title, `<p>${html(text)}</p>`);
}

function card(alert: AlertRow, config: Pick<SmsConfig, 'quietHours'>, now: number): string {
  const time = (at: number) => html(clockTime(config, at, now));
  const facts: [string, string][] = [['Since', time(alert.fired_at)]];
  if (alert.month !== '') facts.push(['Month', html(alert.month)]);
  facts.push(...costs(alert));
  const state =
    alert.acknowledged_at !== null
      ? `<p class="done">Acknowledged by ${html(alert.acknowledged_by ?? '')}, ${time(alert.acknowledged_at)}</p>`
      : alert.status === 'resolved'
        ? `<p class="done">Over since ${time(alert.resolved_at ?? now)}</p>`
        : '';
  return `<section class="alert ${alert.severity === 'critical' ? 'critical' : 'warning'}">
<span class="severity">${html(alert.severity)}</span>
<h2>${html(alert.client_name || alert.client_id || 'client-cost')}</h2>
<p>${html(alert.message)}</p>${state}
<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>
</section>`;
}

const COSTS = [
  ['current_cost', 'Month to date'],
  ['previous_cost', 'Previous month'],
  ['projected_cost', 'Projected'],
  ['threshold', 'Threshold'],
] as const;

/** Amounts to cents, from decimal strings: no float in between. A spike's threshold is percent, and its message says it. */
function costs({ details, alert_type }: AlertRow): [string, string][] {
  let values: Record<string, unknown>;
  try {
    values = JSON.parse(details) as Record<string, unknown>;
  } catch {
    return [];
  }
  return COSTS.flatMap(([field, name]): [string, string][] => {
    const cents = toCents(values[field]);
    const percent = field === 'threshold' && alert_type === 'spike';
    return cents === undefined || percent ? [] : [[name, cents]];
  });
}

function toCents(value: unknown): string | undefined {
  const match = /^(-?)(\d{1,26})(?:\.(\d+))?$/.exec(String(value ?? ''));
  if (match === null) return undefined;
  const [, sign = '', whole = '0', fraction = ''] = match;
  const digits = fraction.padEnd(3, '0');
  const cents = BigInt(whole) * 100n + BigInt(digits.slice(0, 2)) + (digits.charAt(2) >= '5' ? 1n : 0n);
  const text = String(cents).padStart(3, '0');
  return `${sign}$${text.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',')}.${text.slice(-2)}`;
}

function document(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<title>${html(title)}</title>
<style>${STYLE}</style>
</head>
<body><main><h1>${html(title)}</h1>${body}</main></body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
