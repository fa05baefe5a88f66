import { logError } from './log.ts';

const ENTRY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?=([a-z0-9_.-]{1,64})$/;

/** `host[:port]=provider,…` → provider by `host` or `host:port`. A malformed entry is reported and left out. */
export function parseProviderHosts(value: string | undefined): Map<string, string> {
  const hosts = new Map<string, string>();
  for (const part of (value ?? '').split(',')) {
    const entry = part.trim().toLowerCase();
    if (entry === '') continue;
    const match = ENTRY.exec(entry);
    if (!match || Number(match[2] ?? 0) > 65_535) {
      logError(
        `client-cost: CLIENT_COST_PROVIDER_HOSTS: ${JSON.stringify(part.trim().slice(0, 200))} is not host[:port]=provider; ` +
          'it is left out. Example: CLIENT_COST_PROVIDER_HOSTS=gateway.corp:8443=openai,llm.internal=groq',
      );
      continue;
    }
    hosts.set(match[2] ? `${match[1]}:${match[2]}` : String(match[1]), String(match[3]));
  }
  return hosts;
}
