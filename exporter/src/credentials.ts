import { readFileSync } from 'node:fs';
import { messageOf } from './log.ts';

/** Where credentials are kept that may be renewed while the process runs; paths of files. */
export interface CredentialFiles {
  readonly ca?: string;
  readonly key?: string;
  readonly cert?: string;
  /** Of a bearer token. */
  readonly token?: string;
}

export interface Credentials {
  /** PEM texts, for https. */
  readonly tls: { readonly ca?: string; readonly key?: string; readonly cert?: string };
  /** Value of the header `authorization`, when a token is in a file. */
  readonly authorization?: string;
}

/** Told of a file that cannot be used: which, and why (never what it holds). */
export type OnBadFile = (kind: keyof CredentialFiles, why: string) => void;

/** What the files hold now; one that cannot be used is left out and told. */
export function readCredentials(files: CredentialFiles, onBad: OnBadFile): Credentials {
  const tls: { ca?: string; key?: string; cert?: string } = {};
  for (const kind of ['ca', 'key', 'cert'] as const) {
    const found = read(files, kind, onBad);
    if (found !== undefined) tls[kind] = found;
  }
  const text = read(files, 'token', onBad);
  if (text === undefined) return { tls };
  const authorization = bearer(text);
  if (authorization === undefined) {
    onBad('token', 'it holds no token: one line of visible characters');
    return { tls };
  }
  return { tls, authorization };
}

/** `Bearer <token>`; undefined for what no header can carry. Blanks and line breaks around the token are not part of it. */
export function bearer(token: string): string | undefined {
  const trimmed = token.trim();
  return /^[\x21-\x7e]+$/.test(trimmed) ? `Bearer ${trimmed}` : undefined;
}

function read(files: CredentialFiles, kind: keyof CredentialFiles, onBad: OnBadFile): string | undefined {
  const path = files[kind];
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    onBad(kind, `it cannot be read (${messageOf(error)})`);
    return undefined;
  }
}
