import { describe, expect, it } from 'vitest';
import { isPrivateAddress, OwnHosts } from './own-hosts.ts';

describe('OwnHosts', () => {
  const own = new OwnHosts([]);
  it.each([
    'localhost',
    'localhost:3000',
    '127.0.0.1:80',
    '[::1]:8080',
    '10.1.2.3',
    '172.31.0.1:80',
    '192.168.1.1',
    '[fd00::1]:80',
    'billing',
    'billing:8080',
    'api.internal',
    'a.default.svc',
    'a.default.svc.cluster.local:80',
    'API.Internal.',
  ])('%s is an own host', (host) => {
    expect(own.has(host)).toBe(true);
  });

  it.each([
    'api.openai.com',
    'api.openai.com:443',
    '8.8.8.8',
    '172.32.0.1',
    '169.254.169.254',
    '[2001:db8::1]:443',
    'internal.example.com',
    'notlocal',
  ])('%s', (host) => {
    expect(own.has(host)).toBe(host === 'notlocal');
  });

  it('takes patterns on top, and lets ! win over everything', () => {
    const hosts = new OwnHosts([
      '*.corp.example',
      'api.example:8443',
      '203.0.113.0/24',
      '!localhost:9999',
      '!*.x.corp.example',
    ]);
    expect(hosts.has('a.corp.example:1')).toBe(true);
    expect(hosts.has('corp.example')).toBe(false);
    expect(hosts.has('b.x.corp.example')).toBe(false);
    expect(hosts.has('api.example:8443')).toBe(true);
    expect(hosts.has('api.example:443')).toBe(false);
    expect(hosts.has('203.0.113.9:80')).toBe(true);
    expect(hosts.has('localhost:9999')).toBe(false);
    expect(hosts.has('localhost:9998')).toBe(true);
    expect(new OwnHosts(['!*']).has('localhost')).toBe(false);
    expect(new OwnHosts(['::2']).has('[::2]:80')).toBe(true);
  });
});

describe('isPrivateAddress', () => {
  it.each([
    ['::ffff:10.0.0.1', true],
    ['::ffff:8.8.8.8', false],
    ['fe80::1%eth0', true],
    ['unknown', false],
    ['', false],
    [undefined, false],
  ])('%s → %s', (address, expected) => {
    expect(isPrivateAddress(address)).toBe(expected);
  });
});
