import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { hasColumn } from './queries.ts';

/** Where a link stands: its dashboard, and what the queries beside it select (nothing for a link of the dashboard itself). */
export interface LinkPlace {
  readonly name: string;
  readonly dashboard: Dashboard;
  readonly all: readonly Dashboard[];
  readonly sql: readonly string[];
}

const BUILT_IN = /^__(?:user|org|from|to|timezone|value|url_time_range|all_variables)$/;

/** What is wrong with a link: dashboards and variables that do not exist, columns that no query selects, texts that are not encoded, a month that gets lost. */
export function linkProblems(url: string, place: LinkPlace): string[] {
  const problems: string[] = [];
  const say = (text: string) => problems.push(`${place.name}: ${text}`);
  const own = variableNames(place.dashboard);

  for (const [whole, name = '', path = '', format] of url.matchAll(/\$\{(\w+)((?:\.\w+)*)(?::(\w+))?\}/g)) {
    const field = /^\.fields\.(\w+)$/.exec(path)?.[1];
    if (name === '__data') {
      if (field === undefined) say(`${whole} names no column`);
      else if (!place.sql.some((sql) => hasColumn(sql, field))) say(`${whole}: no query has a column ${field}`);
    } else if (!own.includes(name) && !BUILT_IN.test(name)) {
      say(`${whole}: there is no variable ${name}`);
    }
    // A link that is one column is a URL already.
    if (format !== 'percentencode' && whole !== url) say(`${whole} is not percent-encoded`);
  }
  if (/\$(?!\{)\w|\[\[/.test(url)) say('a variable without braces: they hold its format');

  const target = /^\/d\/([^?/]+)(?:\/[^?]*)?(?:\?(.*))?$/.exec(url);
  if (target !== null) {
    const [, uid = '', query = ''] = target;
    const given = [...query.matchAll(/(?:^|&)var-([^=&]+)=/g)].map((match) => match[1]!);
    // A uid from a column: every dashboard that it may name is checked by the column's own query.
    const targets = uid.startsWith('${') ? [] : place.all.filter((dashboard) => dashboard.uid === uid);
    if (!uid.startsWith('${') && targets.length === 0) say(`there is no dashboard ${uid}`);
    for (const dashboard of targets) {
      const theirs = variableNames(dashboard);
      for (const name of given) if (!theirs.includes(name)) say(`${uid} has no variable ${name}`);
      for (const name of ['month', 'datasource']) {
        if (own.includes(name) && theirs.includes(name) && !given.includes(name))
          say(`${uid} opens with another ${name}`);
      }
    }
  } else if (url.startsWith('/explore?')) {
    const panes = /[?&]panes=([^&]*)/.exec(url)?.[1];
    const plain = decodeURIComponent((panes ?? '').replaceAll(/\$\{[^}]*\}/g, 'value'));
    try {
      JSON.parse(plain);
    } catch {
      say('what Explore is to open is no JSON');
    }
  } else if (!/^(?:\$\{__data\.fields\.\w+:raw\}$|https:\/\/)/.test(url)) {
    say(`${url} leads nowhere that we know`);
  }
  return problems;
}

export const variableNames = (dashboard: Dashboard): string[] =>
  (dashboard.templating.list ?? []).map(({ name }) => name);
