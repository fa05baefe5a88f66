import type { NumberKind } from './sku.ts';

/** What a REST call is about, as far as money depends on it. */
export type Resource =
  | { readonly kind: 'new_message' | 'new_call' | 'new_participant' | 'new_recording' }
  | { readonly kind: 'new_number'; readonly numberKind: NumberKind | undefined }
  | { readonly kind: 'release'; readonly sid: string }
  /** One that exists: its answer may say how it ended. */
  | { readonly kind: 'message' | 'call' | 'recording'; readonly sid: string; readonly changed: boolean }
  | { readonly kind: 'list'; readonly of: 'message' | 'call' | 'recording' };

const API = '/2010-04-01/Accounts/';
const KINDS: Readonly<Record<string, NumberKind>> = { Local: 'local', TollFree: 'toll_free', Mobile: 'mobile' };
const LISTS = { Messages: 'message', Calls: 'call', Recordings: 'recording' } as const;

/** Whatever the host: regions, edges and stand-ins have their own. Undefined where no money depends on the call. */
export function resourceOf(method: unknown, uri: unknown): Resource | undefined {
  if (typeof method !== 'string' || typeof uri !== 'string') return undefined;
  const start = uri.indexOf(API);
  if (start === -1) return undefined;
  const query = uri.indexOf('?', start);
  const path = uri.slice(start + API.length, query === -1 ? undefined : query);
  const [, name = '', second, third, fourth] = path
    .replace(/\/+$/, '')
    .replace(/\.json$/, '')
    .split('/');
  switch (method.toLowerCase()) {
    case 'post':
      return posted(name, second, third, fourth);
    case 'get':
      return read(name, second, third, fourth, false);
    case 'delete':
      return name === 'IncomingPhoneNumbers' && second !== undefined && third === undefined
        ? { kind: 'release', sid: second }
        : undefined;
    default:
      return undefined;
  }
}

function posted(name: string, second?: string, third?: string, fourth?: string): Resource | undefined {
  if (second === undefined) {
    if (name === 'Messages') return { kind: 'new_message' };
    if (name === 'Calls') return { kind: 'new_call' };
  }
  if (name === 'Calls' && third === 'Recordings' && fourth === undefined) return { kind: 'new_recording' };
  if (name === 'Conferences' && third === 'Participants' && fourth === undefined) return { kind: 'new_participant' };
  if (name === 'IncomingPhoneNumbers') {
    if (second === undefined) return { kind: 'new_number', numberKind: undefined };
    const numberKind = third === undefined ? KINDS[second] : undefined;
    return numberKind && { kind: 'new_number', numberKind };
  }
  return read(name, second, third, fourth, true);
}

function read(name: string, second?: string, third?: string, fourth?: string, changed = false): Resource | undefined {
  if (name === 'Calls' && third === 'Recordings') {
    return fourth === undefined ? { kind: 'list', of: 'recording' } : { kind: 'recording', sid: fourth, changed };
  }
  const kind = Object.hasOwn(LISTS, name) ? LISTS[name as keyof typeof LISTS] : undefined;
  if (kind === undefined || third !== undefined) return undefined;
  return second === undefined ? { kind: 'list', of: kind } : { kind, sid: second, changed };
}
