import { describe, expect, it } from 'vitest';
import { identifier, literal, outline, tokens, tokenText } from './sql.ts';

const words = (sql: string) => {
  const text = Buffer.from(sql);
  return [...tokens(text)].map((token) => tokenText(text, token));
};

describe('tokens', () => {
  it('skips comments of every kind and keeps quoted text whole', () => {
    expect(words('select \'a;--b\' -- c\n, /* ; */ "d""e", `f\\`g`, $x$;\'$x$ # h;\n from t')).toEqual([
      'SELECT',
      "'a;--b'",
      ',',
      '"d""e"',
      ',',
      '`f\\`g`',
      ',',
      "$x$;'$x$",
      'FROM',
      'T',
    ]);
  });
  it('reads doubled and escaped quotes, and an unclosed string to its end', () => {
    expect(words("'it''s' 'a\\'b' 'open ; x")).toEqual(["'it''s'", "'a\\'b'", "'open ; x"]);
  });
  it('survives bytes that are no text', () => {
    expect(() => [...tokens(Buffer.from([0, 255, 39, 254, 92, 39, 36, 36, 96, 1]))]).not.toThrow();
  });
});

describe('outline', () => {
  const of = (sql: string) => outline(Buffer.from(sql));
  it('finds the format clause, and no format in other uses of the word', () => {
    expect(of('SELECT 1 FORMAT JSON').format).toBe('JSON');
    expect(of('SELECT 1 FORMAT JSONEachRow SETTINGS a = 1;').format).toBe('JSONEachRow');
    expect(of('SELECT format FROM t').format).toBeUndefined();
    expect(of("SELECT ' FORMAT CSV'").format).toBeUndefined();
  });
  it('sees a second statement, not a trailing semicolon or one inside text', () => {
    expect(of('SELECT 1; DROP TABLE t').several).toBe(true);
    expect(of('SELECT 1;;').several).toBe(false);
    expect(of("SELECT ';DROP' ; -- end\n").several).toBe(false);
  });
  it('sees files and PARALLEL WITH through comments', () => {
    expect(of("SELECT 1 INTO/**/OUTFILE 'x'").file).toBe('INTO OUTFILE');
    expect(of("INSERT INTO t FROM INFILE 'x' FORMAT CSV").file).toBe('FROM INFILE');
    expect(of('SELECT 1 PARALLEL WITH SET ROLE x').parallel).toBe(true);
    expect(of('/* x */ set /**/ role a')).toMatchObject({ keyword: 'SET', second: 'ROLE' });
  });
});

describe('quoting', () => {
  it('leaves no way out of a literal or a name', () => {
    expect(literal("a'b\\c\n\0")).toBe("'a\\'b\\\\c\\n\\0'");
    expect(identifier('a`b\\')).toBe('`a\\`b\\\\`');
  });
});
