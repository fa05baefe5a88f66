/** What a quoted or commented stretch of SQL ends with; null for a stretch that ends with its line. */
function stretchEnd(sql: string, start: number): number | undefined {
  const two = sql.slice(start, start + 2);
  const char = sql[start];
  if (two === '--' || two === '#!' || two === '# ') return lineEnd(sql, start);
  if (two === '/*') {
    const end = sql.indexOf('*/', start + 2);
    return end < 0 ? sql.length : end + 2;
  }
  if (char === "'" || char === '"' || char === '`') return quoteEnd(sql, start, char);
  if (char === '$') {
    const tag = /^\$\w*\$/.exec(sql.slice(start, start + 66))?.[0];
    if (tag === undefined) return undefined;
    const end = sql.indexOf(tag, start + tag.length);
    return end < 0 ? sql.length : end + tag.length;
  }
  return undefined;
}

function lineEnd(sql: string, start: number): number {
  const end = sql.indexOf('\n', start);
  return end < 0 ? sql.length : end;
}

function quoteEnd(sql: string, start: number, quote: string): number {
  for (let i = start + 1; i < sql.length; i++) {
    if (sql[i] === '\\') i++;
    else if (sql[i] === quote) {
      if (sql[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return sql.length;
}

function isComment(sql: string, start: number): boolean {
  return /^(--|#[! ]|\/\*)/.test(sql.slice(start, start + 2));
}

/**
 * Splits SQL text at the semicolons between statements. Semicolons inside strings ('', "", ``), heredocs ($tag$…$tag$) and comments
 * (--, #, block) do not split. Statements come trimmed and without the semicolon; what holds only comments is dropped.
 */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let meaningful = false;
  const cut = (end: number): void => {
    if (meaningful) statements.push(sql.slice(start, end).trim());
    start = end + 1;
    meaningful = false;
  };
  for (let i = 0; i < sql.length; ) {
    const end = stretchEnd(sql, i);
    if (end !== undefined) {
      if (!isComment(sql, i)) meaningful = true;
      i = end;
      continue;
    }
    if (sql[i] === ';') cut(i);
    else if (!/\s/.test(sql[i]!)) meaningful = true;
    i++;
  }
  cut(sql.length);
  return statements;
}
