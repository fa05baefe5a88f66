/** A known advisory that does not hold here: its id, what it is about, why it does no harm, and until when that is believed. */
export interface Explained {
  /** As GitHub has it: `GHSA-xxxx-xxxx-xxxx`. */
  readonly id: string;
  readonly package: string;
  readonly why: string;
  /** The last day (UTC) on which it may stand unlooked at: `2026-12-31`. */
  readonly until: string;
}

// react-router 6 comes with @grafana/ui, up to its newest version; the fixes are in 7 alone.
const PICTURES =
  "only in grafana/preview, which draws our own dashboards on the developer's machine: no router is mounted there, no address comes from outside";

export const EXPLAINED: readonly Explained[] = [
  {
    id: 'GHSA-wrjc-x8rr-h8h6',
    package: 'react-router',
    why: `open redirect by a backslash in a path to navigate to; ${PICTURES}`,
    until: '2027-05-31',
  },
  {
    id: 'GHSA-337j-9hxr-rhxg',
    package: 'react-router',
    why: `errors that a server hands to the page; no server renders it, and ${PICTURES}`,
    until: '2027-05-31',
  },
];
