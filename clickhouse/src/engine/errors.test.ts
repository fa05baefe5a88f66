import { describe, expect, it } from 'vitest';
import { ClickHouseError, errorText, fromEngine, httpStatus } from './errors.ts';

describe('errors', () => {
  it('gives the statuses of ClickHouse', () => {
    expect([62, 60, 81, 115, 516, 202, 48, 497, 241, 159].map(httpStatus)).toEqual([
      400, 404, 404, 404, 403, 503, 501, 500, 500, 408,
    ]);
  });
  it('reads code and text of the engine, and undoes its doubled head', () => {
    const plain = fromEngine(new Error('Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)'));
    expect([plain.code, plain.status]).toEqual([60, 404]);
    const twice = fromEngine(
      new Error(
        'Code: 27. DB::Exception: Code: 27. DB::Exception: Cannot parse: (at row 2) (version 26.7.2.1). (CANNOT_PARSE_INPUT_ASSERTION_FAILED)',
      ),
    );
    expect([twice.code, twice.status]).toEqual([27, 400]);
    expect(twice.message.match(/Code: 27/g)).toHaveLength(1);
    expect(fromEngine(new Error('no code at all'))).toMatchObject({ code: 1002, status: 500 });
  });
  it('writes the body that clients parse, with the name once', () => {
    expect(errorText(new ClickHouseError(62, 'Syntax error (x)'), '26.7.2.1')).toBe(
      'Code: 62. DB::Exception: Syntax error (x) (SYNTAX_ERROR) (version 26.7.2.1)\n',
    );
    expect(errorText(new ClickHouseError(62, 'Code: 62. DB::Exception: y. (SYNTAX_ERROR)'), 'v')).toBe(
      'Code: 62. DB::Exception: y. (SYNTAX_ERROR) (version v)\n',
    );
  });
});
