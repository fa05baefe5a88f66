import type { SpoolState, UsageExporter } from '@client-cost/exporter';
import { createNoopMeter, type Meter, type MeterProvider, metrics } from '@opentelemetry/api';
import { COUNTER_PREFIX } from './counters.ts';

let observed: MeterProvider | undefined;

/**
 * The spool's state as metrics of the meter provider in use: read when a reader collects, at no cost for a call. To be called again when
 * the provider may have changed; does nothing while there is no real one.
 */
export function observeSpool(exporter: UsageExporter, name: string, version: string): void {
  const provider = metrics.getMeterProvider();
  if (provider === observed) return;
  const meter = provider.getMeter(name, version);
  if (meter === createNoopMeter()) return;
  observed = provider;
  const instruments = createInstruments(meter);
  meter.addBatchObservableCallback(
    (result) => {
      const state = exporter.spool();
      for (const [instrument, read] of instruments) result.observe(instrument, read(state));
    },
    instruments.map(([instrument]) => instrument),
  );
}

type Read = (state: SpoolState) => number;

function createInstruments(meter: Meter) {
  const full = (name: string) => `${COUNTER_PREFIX}spool.${name}`;
  const now = (name: string, unit: string, description: string, read: Read) =>
    [meter.createObservableGauge(full(name), { unit, description }), read] as const;
  const since = (name: string, unit: string, description: string, read: Read) =>
    [meter.createObservableCounter(full(name), { unit, description }), read] as const;
  return [
    now(
      'pending',
      '{event}',
      'Usage events of this process that wait for an acknowledgement',
      ({ pending }) => pending,
    ),
    now('bytes', 'By', 'What waits on disk, taken over from dead processes included', ({ bytes }) => bytes),
    now('oldest_age', 's', 'Age of the oldest usage event that waits', ({ oldestAgeMs }) => oldestAgeMs / 1000),
    now('memory', '{event}', 'Usage events that wait in memory because the disk refuses them', ({ memory }) => memory),
    since('dropped', '{event}', 'Usage events lost: neither disk nor memory could keep them', ({ dropped }) => dropped),
    since('rejected', '{event}', 'Usage events that the destination refused for good', ({ rejected }) => rejected),
    since('failures', '{attempt}', 'Attempts to send usage events that failed', ({ failures }) => failures),
  ] as const;
}
