import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLedgerClient } from '../client.ts';
import { accountStatements, ensureAccount, ensureReader, readerStatements } from './accounts.ts';
import { accountOf, accountsOf, readerOf } from './accounts-env.ts';
import { resolveSchemaOptions } from './render.ts';

const one = resolveSchemaOptions({});
const cluster = resolveSchemaOptions({ cluster: 'main', database: 'ledger' });
const PASSWORD = "it's a \\ `secret`";

describe('readerStatements', () => {
  it('makes the user, brings it up to date, and gives SELECT on the one database', () => {
    const statements = readerStatements({ name: 'grafana', password: PASSWORD }, one, 'AB');
    const hash = createHash('sha256').update(`${PASSWORD}AB`).digest('hex').toUpperCase();
    expect(statements[0]).toContain(
      `CREATE USER IF NOT EXISTS \`grafana\` IDENTIFIED WITH sha256_hash BY '${hash}' SALT 'AB'`,
    );
    expect(statements[1]).toContain(`ALTER USER \`grafana\` IDENTIFIED WITH sha256_hash BY '${hash}' SALT 'AB'`);
    for (const statement of statements.slice(0, 2)) {
      expect(statement).toContain('readonly = 1, max_execution_time = 60 MIN 1 MAX 300 CHANGEABLE_IN_READONLY');
    }
    expect(statements.slice(2)).toEqual([
      'GRANT SELECT ON `client_cost`.* TO `grafana`',
      ...['databases', 'tables', 'columns', 'view_refreshes'].map((t) => `GRANT SELECT ON system.${t} TO \`grafana\``),
    ]);
    expect(statements.join()).not.toContain('secret');
  });

  it('on a cluster speaks to every node, and may read the other shards', () => {
    const statements = readerStatements({ name: 'grafana', password: 'p' }, cluster);
    for (const statement of statements) expect(statement).toContain(' ON CLUSTER `main`');
    expect(statements).toContain('GRANT ON CLUSTER `main` SELECT ON `ledger`.* TO `grafana`');
    expect(statements.at(-1)).toBe('GRANT ON CLUSTER `main` REMOTE ON *.* TO `grafana`');
  });

  it('salts anew each time: the same password cannot be seen to be the same', () => {
    const [first] = readerStatements({ name: 'g', password: 'p' }, one);
    const [second] = readerStatements({ name: 'g', password: 'p' }, one);
    expect(first).not.toBe(second);
  });

  it('keeps a hostile name inside its quotes, and refuses what no login could carry', () => {
    const [statement] = readerStatements({ name: 'x` \\ DROP', password: 'p' }, one);
    expect(statement).toMatch(/^CREATE USER IF NOT EXISTS `x\\` \\\\ DROP` IDENTIFIED/);
    for (const name of ['', 'a:b', 'a\nb', 'x'.repeat(65)]) {
      expect(() => readerStatements({ name, password: 'p' }, one)).toThrow(/CLICKHOUSE_READER_USER/);
    }
    expect(() => readerStatements({ name: 'g', password: '' }, one)).toThrow(/CLICKHOUSE_READER_PASSWORD is empty/);
  });
});

describe('accountStatements', () => {
  it('the writing user may insert telemetry, and has lost whatever else it had', () => {
    const [create, alter, grant, ...more] = accountStatements('writer', { name: 'w', password: PASSWORD }, one, 'AB');
    expect(more).toEqual([]);
    expect([create, alter].join()).not.toMatch(/SETTINGS|secret/);
    const tables = [
      'logs',
      'traces',
      ...['gauge', 'sum', 'summary', 'histogram', 'exponential_histogram'].map((m) => `metrics_${m}`),
    ];
    expect(grant).toBe(
      `GRANT ${tables.map((t) => `INSERT ON \`client_cost\`.\`otel_${t}\``).join(', ')} TO \`w\` WITH REPLACE OPTION`,
    );
  });

  it('the SMS user may write down what became of an alert, and nothing else', () => {
    const statements = accountStatements('sms', { name: 's', password: 'p' }, cluster, 'AB');
    expect(statements.at(-1)).toBe(
      'GRANT ON CLUSTER `main` INSERT ON `ledger`.`usage_alerts` TO `s` WITH REPLACE OPTION',
    );
  });

  it('the operating user writes charges, rollups, clients and prices; on a cluster also behind the Distributed table', () => {
    const grant = (schema: typeof one) => accountStatements('operator', { name: 'o', password: 'p' }, schema).at(-1);
    expect(grant(one)).toBe(
      'GRANT INSERT ON `client_cost`.`usage_events`, INSERT ON `client_cost`.`usage_daily`, INSERT ON `client_cost`.`clients`, ' +
        'INSERT ON `client_cost`.`client_prices`, SELECT ON `client_cost`.*, SELECT ON system.tables, SELECT ON system.view_refreshes ' +
        'TO `o` WITH REPLACE OPTION',
    );
    expect(grant(cluster)).toContain('INSERT ON `ledger`.`usage_events_local`');
    expect(grant(cluster)).toContain('REMOTE ON *.*');
  });

  it('names the setting of the account that it is about', () => {
    expect(() => accountStatements('sms', { name: 'a:b', password: 'p' }, one)).toThrow(/CLICKHOUSE_SMS_USER/);
    expect(() => accountStatements('writer', { name: 'w', password: '' }, one)).toThrow(
      /CLICKHOUSE_WRITER_PASSWORD is empty: give the writing user/,
    );
  });
});

describe('accountsOf', () => {
  it('has those with a password, and refuses two with one name', () => {
    expect(accountsOf({})).toEqual([]);
    const env = { CLICKHOUSE_WRITER_PASSWORD: 'a', CLICKHOUSE_SMS_PASSWORD: 'b', CLICKHOUSE_OPERATOR_USER: 'nobody' };
    expect(accountsOf(env)).toEqual([
      { kind: 'writer', name: 'client_cost_writer', password: 'a' },
      { kind: 'sms', name: 'client_cost_sms', password: 'b' },
    ]);
    expect(() => accountsOf({ ...env, CLICKHOUSE_SMS_USER: 'client_cost_writer' })).toThrow(
      'CLICKHOUSE_WRITER_USER and CLICKHOUSE_SMS_USER are both "client_cost_writer"',
    );
  });
});

describe('readerOf', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'reader-env-'));
  });
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('reads name, password or file', () => {
    expect(readerOf({})).toBeUndefined();
    expect(readerOf({ CLICKHOUSE_READER_PASSWORD: '', CLICKHOUSE_READER_USER: 'x' })).toBeUndefined();
    expect(readerOf({ CLICKHOUSE_READER_PASSWORD: 'p' })).toEqual({ name: 'grafana', password: 'p' });
    const secret = file('secret', 'a b\n');
    expect(readerOf({ CLICKHOUSE_READER_USER: 'x', CLICKHOUSE_READER_PASSWORD_FILE: secret })).toEqual({
      name: 'x',
      password: 'a b',
    });
  });

  it('a file that is not there or empty is named', () => {
    expect(() => readerOf({ CLICKHOUSE_READER_PASSWORD_FILE: '/nowhere/x' })).toThrow(
      /CLICKHOUSE_READER_PASSWORD_FILE \/nowhere\/x: ENOENT/,
    );
    const wrong = (text: string) => () => accountOf('writer', { CLICKHOUSE_WRITER_PASSWORD_FILE: file('wrong', text) });
    expect(wrong('\n')).toThrow(/CLICKHOUSE_WRITER_PASSWORD_FILE .*wrong is empty/);
    expect(wrong('A=topsecret\nB=topsecret\n')).toThrow(/has several lines: expected the secret alone$/);
    expect(wrong('A=topsecret\nB=topsecret\n')).not.toThrow(/topsecret/);
  });
});

/** Stands in for a ClickHouse server with SQL access control: it remembers what it is asked, and refuses what it is told to. */
class FakeServer {
  readonly statements: string[] = [];
  directories = '1';
  user = 'admin';
  refuse: { pattern: RegExp; status: number; code: string; text: string } | undefined;
  #server!: Server;
  url = '';

  async start(): Promise<void> {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const sql = Buffer.concat(chunks).toString('utf8').trim();
      const { refuse } = this;
      if (refuse?.pattern.test(sql)) {
        response.writeHead(refuse.status, { 'X-ClickHouse-Exception-Code': refuse.code });
        response.end(`Code: ${refuse.code}. DB::Exception: ${refuse.text.replace('{sql}', sql)}`);
        return;
      }
      if (sql.includes('currentUser()')) response.end(`{"value":"${this.user}"}\n`);
      else if (sql.includes('user_directories')) response.end(`{"value":"${this.directories}"}\n`);
      else {
        this.statements.push(sql);
        response.end();
      }
    });
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('ensureReader', () => {
  const server = new FakeServer();
  let client: ReturnType<typeof createLedgerClient>;
  const reader = { name: 'grafana', password: PASSWORD };
  beforeEach(async () => {
    Object.assign(server, { directories: '1', user: 'admin', refuse: undefined });
    server.statements.length = 0;
    await server.start();
    client = createLedgerClient({ url: server.url, user: 'admin', password: '', database: 'default' }, 'default');
  });
  afterEach(async () => {
    await client.close();
    await server.stop();
  });

  it('sends the statements in order, and the same ones again with another password', async () => {
    const first = await ensureReader({ client, reader });
    expect(first.outcome).toBe('made');
    const kinds = server.statements.map((sql) => sql.split(' ').slice(0, 2).join(' '));
    expect(kinds).toEqual(['CREATE USER', 'ALTER USER', ...Array<string>(5).fill('GRANT SELECT')]);
    const altered = server.statements[1];
    await ensureReader({ client, reader: { ...reader, password: 'another' } });
    expect(server.statements).toHaveLength(14);
    expect(server.statements[8]).not.toBe(altered);
    expect(server.statements.join()).not.toContain('secret');
  });

  it('a dry run shows the statements without hash and salt, and sends none', async () => {
    const { outcome, statements } = await ensureReader({ client, reader, dryRun: true });
    expect(outcome).toBe('would-make');
    expect(statements[0]).toContain("BY '…' SALT '…'");
    expect(statements.join()).not.toMatch(/[0-9A-F]{32}/);
    expect(server.statements).toEqual([]);
  });

  it('does nothing where SQL makes no users', async () => {
    server.directories = '0';
    expect(await ensureReader({ client, reader })).toEqual({ outcome: 'no-sql-users', statements: [] });
    expect(server.statements).toEqual([]);
  });

  it('goes on where it may not see how users are kept', async () => {
    server.refuse = {
      pattern: /user_directories/,
      status: 403,
      code: '497',
      text: 'Not enough privileges. (ACCESS_DENIED)',
    };
    expect((await ensureReader({ client, reader })).outcome).toBe('made');
  });

  it('will not lock out the user that migrates', async () => {
    server.user = 'grafana';
    await expect(ensureReader({ client, reader })).rejects.toThrow(/"grafana" is the user that migrates/);
    expect(server.statements).toEqual([]);
  });

  it('will not take the rights of the user that migrates', async () => {
    server.user = 'owner';
    const own = { client, kind: 'writer', account: { name: 'owner', password: 'p' } } as const;
    await expect(ensureAccount(own)).rejects.toThrow(
      /CLICKHOUSE_WRITER_USER "owner" is the user that migrates: it would lose its rights/,
    );
    expect(server.statements).toEqual([]);
  });

  it('names the missing right, and keeps hash and statement out of the error', async () => {
    server.refuse = {
      pattern: /^CREATE USER/,
      status: 403,
      code: '497',
      text: "admin: Not enough privileges. To execute this query, it's necessary to have the grant CREATE USER ON `grafana`: {sql}. (ACCESS_DENIED)",
    };
    const error = await ensureReader({ client, reader }).catch((e: unknown) => e as Error);
    expect(error).toMatchObject({ name: 'AccountError' });
    expect((error as Error).message).toMatch(
      /CREATE USER needs a right that "admin" lacks: CREATE USER ON `grafana`\. Give it/,
    );
    server.refuse = { ...server.refuse, code: '62', text: 'Syntax error: {sql} (SYNTAX_ERROR)' };
    const other = (await ensureReader({ client, reader }).catch((e: unknown) => e)) as Error;
    expect(other.message).toContain("CREATE USER failed with ClickHouse's error 62 (SYNTAX_ERROR)");
    for (const shown of [error as Error, other]) {
      const everything = `${shown.message}${shown.stack}${JSON.stringify(shown)}${String(shown.cause)}`;
      expect(everything).not.toMatch(/sha256_hash|[0-9A-F]{32}|secret/);
    }
  });
});
