import { type SqlAddress, sql } from '../lib/sql.ts';

/**
 * Fills the ledger with `events` calls of `clients` clients over the 30 days up to now, as if each had come when it was made:
 * four services, three models, ids that carry their time, amounts from whole token counts.
 */
export async function fillLedger(address: SqlAddress, events: number, clients: number): Promise<void> {
  const block = 250_000;
  for (let from = 0; from < events; from += block) {
    const size = Math.min(block, events - from);
    await sql(
      address,
      `INSERT INTO usage_events (usage_id, version, is_deleted, time, client_id, service, operation, provider, request_model,
         input_tokens, output_tokens, quantity, unit, cost, currency, cost_source, price_version, outcome, ingested_at)
       WITH
         now64(3, 'UTC') AS last,
         toUnixTimestamp64Milli(last) - toUInt64(30 * 86400 * 1000 * (1 - (number + 1) / ${events})) AS ms,
         lower(hex(toUInt64(ms))) AS hex_ms, -- 12 digits: leading zero bytes are left out
         lower(hex(sipHash128(number))) AS noise,
         ['gpt-4o-mini', 'gpt-4o', 'text-embedding-3-small'][1 + number % 3] AS model,
         50 + cityHash64(number, 'in') % 2000 AS tokens_in,
         if(number % 3 = 2, 0, 10 + cityHash64(number, 'out') % 300) AS tokens_out
       SELECT
         toUUID(concat(substring(hex_ms, 1, 8), '-', substring(hex_ms, 9, 4), '-7', substring(noise, 1, 3), '-8', substring(noise, 4, 3), '-', substring(noise, 7, 12))),
         1, 0,
         fromUnixTimestamp64Milli(toInt64(ms), 'UTC'),
         concat('client-', leftPad(toString(cityHash64(number, 'client') % ${clients}), 4, '0')),
         'openai',
         ['chat_completion', 'response', 'embedding'][1 + number % 3],
         'openai', model, tokens_in, tokens_out, 1, 'request',
         multiIf(number % 3 = 0, toDecimal64('0.00000015', 12) * tokens_in + toDecimal64('0.0000006', 12) * tokens_out,
                 number % 3 = 1, toDecimal64('0.0000025', 12) * tokens_in + toDecimal64('0.00001', 12) * tokens_out,
                 toDecimal64('0.00000002', 12) * tokens_in),
         'USD', 'price_book', 'bench', 'ok',
         fromUnixTimestamp64Milli(toInt64(ms), 'UTC') + INTERVAL 2 SECOND
       FROM numbers(${from}, ${size})`,
    );
  }
}
