import { createR2StandIn, type R2StandIn } from '../../../../examples/src/stand-ins/r2/index.ts';
import { failing, KEYS } from './world.mts';

/** R2 as the shapes expect it. */
export async function startR2(): Promise<R2StandIn> {
  const buckets = ['media', 'denied-bucket'];
  const stand = await createR2StandIn({ ...KEYS, buckets, denied: ['denied-bucket'], failures: failing });
  stand.store('media', 'there', 'hello');
  stand.store('media', 'large', 5_000_000);
  stand.store('media', 'rare', 'rare', 'STANDARD_IA');
  stand.store('media', 'reset-once', 'x');
  for (let index = 0; index < 5; index += 1) stand.store('media', `page/${index}`, 'x');
  return stand;
}
