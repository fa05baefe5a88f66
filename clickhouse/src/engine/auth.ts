import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ClickHouseError, ErrorCode } from './errors.ts';
import type { EngineUser } from './types.ts';

interface Credentials {
  readonly name: string;
  readonly password: string;
  readonly given: boolean;
}

/** Who a request says it is: `X-ClickHouse-User`/`-Key`, HTTP Basic, or `user`/`password` in the URL, in that order. */
export function credentials(headers: IncomingHttpHeaders, url: URLSearchParams): Credentials {
  const headerUser = single(headers['x-clickhouse-user']);
  const headerKey = single(headers['x-clickhouse-key']);
  if (headerUser !== undefined || headerKey !== undefined) {
    return { name: headerUser ?? 'default', password: headerKey ?? '', given: true };
  }
  const basic = /^basic\s+(.*)$/i.exec(headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [name, password] = splitOnce(Buffer.from(basic, 'base64').toString('utf8'));
    return { name: name === '' ? 'default' : name, password, given: true };
  }
  const given = url.has('user') || url.has('password');
  return { name: url.get('user') || 'default', password: url.get('password') ?? '', given };
}

/** Checks passwords in constant time, whether or not the user exists. */
export class Accounts {
  readonly #users: ReadonlyMap<string, { user: EngineUser; digest: Buffer }>;

  constructor(users: readonly EngineUser[]) {
    this.#users = new Map(users.map((user) => [user.name, { user, digest: digest(user.password) }]));
  }

  /** @throws ClickHouseError 516: 401 when no credentials came with the request, else 403. */
  authenticate(headers: IncomingHttpHeaders, url: URLSearchParams): EngineUser {
    const { name, password, given } = credentials(headers, url);
    const account = this.#users.get(name);
    const same = timingSafeEqual(digest(password), account?.digest ?? digest('no such user'));
    if (account !== undefined && same) return account.user;
    throw new ClickHouseError(
      ErrorCode.AUTHENTICATION_FAILED,
      `${name.slice(0, 100)}: Authentication failed: password is incorrect, or there is no user with such name.`,
      given ? 403 : 401,
    );
  }
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\]|::ffff:127(\.\d{1,3}){3})$/i;

/** Refuses a set-up that anybody on the network could use, and users that cannot work. */
export function checkUsers(host: string, users: readonly EngineUser[]): void {
  if (users.length === 0) throw new Error('The engine needs at least one user.');
  const seen = new Set<string>();
  for (const user of users) {
    if (typeof user.name !== 'string' || user.name === '' || user.name.includes(':')) {
      throw new Error(`Engine user ${JSON.stringify(user.name)}: a name is a non-empty string without ":".`);
    }
    if (typeof user.password !== 'string') throw new Error(`Engine user ${user.name}: the password is not a string.`);
    if (seen.has(user.name)) throw new Error(`Engine user ${user.name} is given twice.`);
    seen.add(user.name);
    if (user.grants !== undefined && user.allowedDatabases !== undefined) {
      throw new Error(`Engine user ${user.name}: grants and allowedDatabases exclude each other.`);
    }
    if (user.password === '' && !LOOPBACK.test(host)) {
      throw new Error(
        `Refusing to listen on ${host}: user ${user.name} has an empty password. Give every user a password, or bind to 127.0.0.1.`,
      );
    }
  }
}

function digest(password: string): Buffer {
  return createHash('sha256').update(password).digest();
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(':');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
