/** Where a ClickHouse server answers over HTTP. */
export interface SqlAddress {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Runs one statement and gives the answer's text; throws with the server's message. */
export async function sql(address: SqlAddress, statement: string): Promise<string> {
  const response = await fetch(`${address.url}/?database=${encodeURIComponent(address.database)}`, {
    method: 'POST',
    headers: { 'X-ClickHouse-User': address.user, 'X-ClickHouse-Key': address.password },
    body: statement,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${text.trim()}\nin: ${statement.slice(0, 200)}`);
  return text;
}

/** The one value a query gives. */
export async function scalar(address: SqlAddress, statement: string): Promise<string> {
  return (await sql(address, `${statement} FORMAT TabSeparated`)).trim();
}
