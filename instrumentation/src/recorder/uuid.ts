import { randomFillSync } from 'node:crypto';
import { currentMillis } from '../clock.ts';

// RFC 9562 section 6.2, method 1: 48 bits of milliseconds, a 12-bit counter in rand_a that starts in its lower half,
// 62 random bits. Ids of one process sort in the order they were made; a counter that runs over borrows from time.
const POOL_SIZE = 4096;
const RANDOM_BYTES = 10;
/** A clock further back than this was set: its time is taken. The ledger refuses ids from more than a day ahead. */
const SET_BACK_MS = 3_600_000;
const pool = Buffer.alloc(POOL_SIZE);
let offset = POOL_SIZE;
let lastMillis = 0;
let counter = 0;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * A UUIDv7, greater than every one made before in this process, also when the clock goes back; by more than an hour it is followed.
 * @param now milliseconds since the epoch; what is no time (a mocked clock) is taken as that of the id before
 */
export function uuidv7(now: number = currentMillis()): string {
  if (offset + RANDOM_BYTES > POOL_SIZE) {
    fill();
    offset = 0;
  }
  const at = offset;
  offset += RANDOM_BYTES;
  const millis = now >= 0 && now < 2 ** 48 ? Math.floor(now) : lastMillis;
  if (millis > lastMillis || millis < lastMillis - SET_BACK_MS) {
    lastMillis = millis;
    counter = ((pool[at]! & 0x07) << 8) | pool[at + 1]!;
  } else if (++counter > 0xfff) {
    lastMillis++;
    counter = 0;
  }
  const time = lastMillis.toString(16).padStart(12, '0');
  const high = HEX[0x70 | (counter >> 8)]! + HEX[counter & 0xff]!;
  const b = (i: number) => HEX[pool[at + i]!]!;
  const variant = HEX[0x80 | (pool[at + 2]! & 0x3f)]!;
  return `${time.slice(0, 8)}-${time.slice(8)}-${high}-${variant}${b(3)}-${b(4)}${b(5)}${b(6)}${b(7)}${b(8)}${b(9)}`;
}

/** Unique is enough: nobody gains by guessing an id. */
function fill(): void {
  try {
    randomFillSync(pool);
  } catch {
    for (let i = 0; i < POOL_SIZE; i++) pool[i] = Math.random() * 256;
  }
}
