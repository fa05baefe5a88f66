import type { Fault } from '../../support/fault.ts';
import { compareHosts } from './support/run-host.ts';

const fault: Fault = {
  id: 'host-hostile-answers',
  hop: 'host safety',
  fault:
    'answers of hostile shapes: null, 1e308, 100,000 keys, __proto__, cycles, frozen objects, getters and proxies that throw',
  promises: ['host-unharmed'],
  times: { short: 1, long: 1 },
  run: (run) =>
    compareHosts(run, { breakages: [{ name: 'hostile answers', recorded: true }], providers: ['answers'], every: 7 }),
};
export default fault;
