import { describe, expect, it } from 'vitest';
import { analyzeInsert } from './insert.ts';

function split(sql: string, complete = true) {
  const text = Buffer.from(sql);
  const found = analyzeInsert(text, complete);
  if (found.kind !== 'rows') return found.kind;
  const { source, settings, format, data } = found.head;
  return {
    head: text.subarray(0, source).toString(),
    settings: text.subarray(settings[0], settings[1]).toString(),
    format,
    data: text.subarray(data).toString(),
  };
}

describe('analyzeInsert', () => {
  it('parts head, settings, format and rows', () => {
    expect(split('INSERT INTO x.t (a, `b c`) SETTINGS m = 1 FORMAT JSONEachRow\n{"a":1};\nDROP')).toEqual({
      head: 'INSERT INTO x.t (a, `b c`) ',
      settings: 'SETTINGS m = 1 ',
      format: 'JSONEachRow',
      data: '{"a":1};\nDROP',
    });
  });
  it('reads VALUES, in any case and behind comments', () => {
    expect(split("/* c */ insert into t values (1,'a;')")).toMatchObject({ format: 'Values', data: " (1,'a;')" });
    expect(split('INSERT INTO t FORMAT Values (1)')).toMatchObject({ head: 'INSERT INTO t ', data: ' (1)' });
    expect(split('INSERT INTO FUNCTION null() FORMAT Values (1)')).toMatchObject({ format: 'Values', data: ' (1)' });
  });
  it('drops exactly one line end before the rows', () => {
    expect(split('INSERT INTO t FORMAT CSV \t\n\n1')).toMatchObject({ data: '\n1' });
    expect(split('INSERT INTO t FORMAT CSV\r\n1')).toMatchObject({ data: '1' });
    expect(split('INSERT INTO t FORMAT CSV 1')).toMatchObject({ data: '1' });
  });
  it('is not fooled by tables and columns named like keywords', () => {
    expect(split('INSERT INTO values (format, select) FORMAT CSV\n1')).toMatchObject({
      head: 'INSERT INTO values (format, select) ',
      format: 'CSV',
    });
    expect(split('INSERT INTO db.format VALUES (1)')).toMatchObject({
      head: 'INSERT INTO db.format ',
      format: 'Values',
    });
  });
  it('leaves other statements alone', () => {
    expect(split('SELECT 1 FORMAT CSV')).toBe('none');
    expect(split('INSERT INTO t SELECT * FROM u')).toBe('none');
    expect(split('INSERT INTO t WITH 1 AS x SELECT x FORMAT Null')).toBe('none');
    expect(split("INSERT INTO t SELECT a FROM input('a Int8') FORMAT CSV 1")).toBe('input');
  });
  it('waits for the rest when the text may go on', () => {
    expect(split('INSERT INTO t FORMAT JSON', false)).toBe('incomplete');
    expect(split('INS', false)).toBe('incomplete');
    expect(split('', false)).toBe('incomplete');
    expect(split('INSERT INTO t FORMAT Native\n', false)).toMatchObject({ format: 'Native', data: '' });
  });
});
