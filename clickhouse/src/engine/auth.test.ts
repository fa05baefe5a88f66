import { describe, expect, it } from 'vitest';
import { Accounts, checkUsers, credentials } from './auth.ts';

const none = new URLSearchParams();
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

describe('credentials', () => {
  it('reads headers, Basic and URL, in that order', () => {
    const url = new URLSearchParams('user=u&password=p');
    expect(credentials({ 'x-clickhouse-user': 'h', 'x-clickhouse-key': 'k', ...basic('b:c') }, url)).toMatchObject({
      name: 'h',
      password: 'k',
    });
    expect(credentials(basic('b:c:d'), url)).toMatchObject({ name: 'b', password: 'c:d' });
    expect(credentials({}, url)).toMatchObject({ name: 'u', password: 'p' });
    expect(credentials({}, none)).toEqual({ name: 'default', password: '', given: false });
    expect(credentials(basic(':c'), none)).toMatchObject({ name: 'default', password: 'c' });
  });
});

describe('Accounts', () => {
  const accounts = new Accounts([{ name: 'a', password: 'sécret' }]);
  it('lets in the right password only', () => {
    expect(accounts.authenticate(basic('a:sécret'), none).name).toBe('a');
    for (const wrong of ['a:', 'a:secret', 'a:sécret ', 'b:sécret']) {
      expect(() => accounts.authenticate(basic(wrong), none)).toThrow(
        expect.objectContaining({ code: 516, status: 403 }),
      );
    }
  });
  it('asks for credentials where none came, and tells no more about unknown users', () => {
    expect(() => accounts.authenticate({}, none)).toThrow(expect.objectContaining({ code: 516, status: 401 }));
    const text = (name: string) => {
      try {
        accounts.authenticate(basic(`${name}:x`), none);
      } catch (error) {
        return (error as Error).message.replace(name, '');
      }
      return 'let in';
    };
    expect(text('a')).toBe(text('nobody'));
  });
});

describe('checkUsers', () => {
  it('allows an empty password on loopback only', () => {
    const users = [{ name: 'default', password: '' }];
    for (const host of ['127.0.0.1', 'localhost', '::1', '127.1.2.3'])
      expect(() => checkUsers(host, users)).not.toThrow();
    for (const host of ['0.0.0.0', '::', '192.168.1.2', '127.0.0.1.example.com']) {
      expect(() => checkUsers(host, users)).toThrow(/empty password.*127\.0\.0\.1/);
    }
    expect(() => checkUsers('0.0.0.0', [{ name: 'default', password: 'x' }])).not.toThrow();
  });
  it('refuses no users, doubled and unusable ones', () => {
    expect(() => checkUsers('127.0.0.1', [])).toThrow(/at least one/);
    expect(() =>
      checkUsers('127.0.0.1', [
        { name: 'a', password: '' },
        { name: 'a', password: 'b' },
      ]),
    ).toThrow(/twice/);
    expect(() => checkUsers('127.0.0.1', [{ name: 'a:b', password: '' }])).toThrow(/without ":"/);
    expect(() => checkUsers('127.0.0.1', [{ name: 'a' } as never])).toThrow(/password is not a string/);
  });
});
