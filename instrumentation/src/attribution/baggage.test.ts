import { describe, expect, it } from 'vitest';
import { addClientToBaggage, clientOfBaggage, clientsInBaggage } from './baggage.ts';

describe('clientOfBaggage', () => {
  it.each([
    ['client.id=acme', 'acme'],
    ['a=b, client.id = acme ;prop=1,c=d', 'acme'],
    ['client.id=caf%C3%A9%2C%20%22x%22%0A', 'café, "x"\n'],
    ['client.id=100%', '100%'],
    ['client.id=', ''],
    ['xclient.id=acme', undefined],
    ['a=client.id=acme', undefined],
    ['', undefined],
    [undefined, undefined],
    ['client.id', undefined],
    [`client.id=${'x'.repeat(9000)}`, undefined],
  ])('%j → %j', (header, expected) => {
    expect(clientOfBaggage(header)).toBe(expected);
  });
});

describe('clientsInBaggage', () => {
  it.each([
    ['a=b', []],
    ['client.id', []],
    ['client.id=a,x=y, client.id = b ;p=1', ['a', 'b']],
    ['client%2Eid=a,%20client.i%64%20=b', ['a', 'b']],
    ['client.id=,client.id=a', ['', 'a']],
    ['client.id=caf%C3%A9,client.id=100%', ['caf%C3%A9', 'café', '100%']],
    [`k=${'x'.repeat(9000)},client.id=a`, ['a']],
  ])('%j → %j', (header, expected) => {
    expect([...clientsInBaggage(header)]).toEqual(expected);
  });
});

describe('addClientToBaggage', () => {
  it('keeps what is there and round-trips any id', () => {
    for (const id of ['acme', 'a,b;c=d "e"\n%', '🦊', `'; DROP TABLE x; --`]) {
      const header = addClientToBaggage('user=1;p=2,x=y', id);
      expect(header?.startsWith('user=1;p=2,x=y,client.id=')).toBe(true);
      expect(header).toMatch(/^[\x21-\x7e]*$/);
      expect(clientOfBaggage(header)).toBe(id);
    }
  });

  it('never overwrites a client.id and never exceeds 8192 characters', () => {
    expect(addClientToBaggage('client.id=theirs', 'ours')).toBeUndefined();
    expect(addClientToBaggage(`a=${'x'.repeat(8185)}`, 'ours')).toBeUndefined();
  });
});
