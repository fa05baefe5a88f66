/** A client of the example company, and how busy it is. */
export interface DemoClient {
  readonly id: string;
  readonly name: string;
  /** Requests to the service in one run. */
  readonly requests: number;
  /** Last month's spending in comparison with this run: 1 is the same. */
  readonly lastMonth: number | null;
}

/** Four plausible clients; the last is new this month, so that its change is empty. */
export const DEMO_CLIENTS: readonly DemoClient[] = [
  { id: 'northside-plumbing', name: 'Northside Plumbing', requests: 120, lastMonth: 0.8 },
  { id: 'cedar-and-sons', name: 'Cedar & Sons Roofing', requests: 70, lastMonth: 1.3 },
  { id: 'brightline-dental', name: 'Brightline Dental', requests: 45, lastMonth: 0.5 },
  { id: 'harbour-auto', name: 'Harbour Auto Repair', requests: 20, lastMonth: null },
];
