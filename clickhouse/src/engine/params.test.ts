import { describe, expect, it } from 'vitest';
import { formParams, readForm, readParams } from './params.ts';

const read = (query: string, headers = {}, method?: string) => readParams(new URLSearchParams(query), headers, method);

describe('readParams', () => {
  it('tells settings from parameters and from what the interface itself reads', () => {
    const params = read(
      'query=select+1&database=d&default_format=JSON&param_a=1&max_threads=2&wait_end_of_query=1&user=u&password=p&enable_http_compression=0',
    );
    expect(params).toMatchObject({
      query: 'select 1',
      database: 'd',
      defaultFormat: 'JSON',
      waitEndOfQuery: true,
      httpCompression: false,
    });
    expect([...params.settings]).toEqual([['max_threads', '2']]);
    expect([...params.parameters]).toEqual([['a', '1']]);
  });
  it('refuses a name that could leave the SET statement', () => {
    expect(() => read(`${encodeURIComponent('a = 1; DROP TABLE t --')}=1`)).toThrow(
      expect.objectContaining({ code: 115, status: 404 }),
    );
    expect(() => read(`param_${encodeURIComponent("x'")}=1`)).toThrow(expect.objectContaining({ code: 115 }));
  });
  it('takes database and format from headers', () => {
    expect(read('', { 'x-clickhouse-database': 'd', 'x-clickhouse-format': 'CSV' })).toMatchObject({
      database: 'd',
      defaultFormat: 'CSV',
    });
  });
  it('knows that GET only reads, and refuses a bad session time and a role', () => {
    expect(read('', {}, 'GET').readOnlyMethod).toBe(true);
    expect(read('', {}, 'POST').readOnlyMethod).toBe(false);
    expect(() => read('session_id=a&session_timeout=-1')).toThrow(expect.objectContaining({ code: 374 }));
    expect(() => read('role=admin')).toThrow(expect.objectContaining({ code: 48, status: 501 }));
  });
});

describe('multipart', () => {
  const form = async (parts: Record<string, string | Blob>) => {
    const data = new FormData();
    for (const [name, value] of Object.entries(parts)) data.append(name, value);
    const encoded = new Response(data);
    const type = encoded.headers.get('content-type') ?? '';
    return readForm(Buffer.from(await encoded.arrayBuffer()), type);
  };
  it('reads the query and long parameters', async () => {
    const params = formParams(
      read('param_b=2'),
      await form({ query: 'select {a:String}', param_a: 'x'.repeat(20_000) }),
    );
    expect(params.query).toBe('select {a:String}');
    expect(params.parameters.get('a')).toHaveLength(20_000);
    expect(params.parameters.get('b')).toBe('2');
  });
  it('says that external tables do not work, and that a torn body is torn', async () => {
    const external = await form({ query: 'select 1', ids: new Blob(['1']) });
    expect(() => formParams(read(''), external)).toThrow(/External tables.*"ids"/);
    await expect(readForm(Buffer.from('--x'), 'multipart/form-data; boundary=x')).rejects.toThrow(/multipart/);
  });
});
