import { environment } from '../environment.ts';
import { parseProviderHosts } from '../provider-hosts.ts';
import type { Client } from './internal-types.ts';

/** Who sends the bill for a call, seen from its base URL. */
export interface Provider {
  /** `gen_ai.provider.name`: the conventions' value where they have one. */
  readonly name: string;
  /** `usage.service`. */
  readonly service: string;
  /** Streams of chat completions may be asked for their usage: documented by the provider, unknown options not refused. */
  readonly streamUsage: boolean;
  /**
   * Thinking tokens are in `total_tokens` alone: not in `completion_tokens`, and without `completion_tokens_details`
   * (https://discuss.ai.google.dev/t/127400, https://github.com/Clarifai/clarifai-python/pull/978).
   */
  readonly thinkingLeftOut: boolean;
}

export interface Endpoint {
  readonly provider: Provider;
  /** `server.address`; undefined for a base URL that cannot be read. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

const provider = (name: string, service: string, traits: Partial<Provider> = {}): Provider => ({
  streamUsage: false,
  thinkingLeftOut: false,
  ...traits,
  name,
  service,
});

export const AZURE = provider('azure.ai.openai', 'azure_openai', { streamUsage: true });
/** A host that nobody knows: named so, and unpriced, rather than billed at OpenAI's prices. */
export const UNKNOWN = provider('openai_compatible', 'openai_compatible');

/**
 * Names as in the GenAI conventions where they have one (`groq`, `deepseek`, `mistral_ai`, `x_ai`, `perplexity`, `gcp.*`,
 * `aws.bedrock`). Stream usage is asked for only where the provider's reference documents `stream_options`; the others
 * report usage unasked in a stream's last chunk (Groq also under `x_groq`), or are estimated.
 */
const PROVIDERS: readonly Provider[] = [
  provider('openai', 'openai', { streamUsage: true }),
  AZURE,
  provider('groq', 'groq', { streamUsage: true }),
  provider('deepseek', 'deepseek', { streamUsage: true }),
  provider('x_ai', 'x_ai', { streamUsage: true }),
  provider('gcp.gemini', 'gemini', { streamUsage: true, thinkingLeftOut: true }),
  provider('gcp.vertex_ai', 'vertex_ai', { thinkingLeftOut: true }),
  provider('aws.bedrock', 'aws_bedrock'),
  provider('mistral_ai', 'mistral_ai'),
  provider('perplexity', 'perplexity'),
  provider('together_ai', 'together_ai'),
  provider('fireworks_ai', 'fireworks_ai'),
  provider('openrouter', 'openrouter'),
  provider('cerebras', 'cerebras'),
  provider('moonshot_ai', 'moonshot_ai'),
  UNKNOWN,
];

/** A leading dot means "this domain's subdomains". */
const HOSTS: readonly (readonly [string, string])[] = [
  ['api.openai.com', 'openai'],
  ['.api.openai.com', 'openai'],
  ['.openai.azure.com', 'azure.ai.openai'],
  ['.openai.azure.us', 'azure.ai.openai'],
  ['.openai.azure.cn', 'azure.ai.openai'],
  ['.cognitiveservices.azure.com', 'azure.ai.openai'],
  ['.services.ai.azure.com', 'azure.ai.openai'],
  ['api.groq.com', 'groq'],
  ['api.deepseek.com', 'deepseek'],
  ['api.x.ai', 'x_ai'],
  ['.api.x.ai', 'x_ai'],
  ['generativelanguage.googleapis.com', 'gcp.gemini'],
  ['aiplatform.googleapis.com', 'gcp.vertex_ai'],
  ['.aiplatform.googleapis.com', 'gcp.vertex_ai'],
  ['-aiplatform.googleapis.com', 'gcp.vertex_ai'],
  ['.amazonaws.com', 'aws.bedrock'],
  ['.api.aws', 'aws.bedrock'],
  ['api.mistral.ai', 'mistral_ai'],
  ['api.perplexity.ai', 'perplexity'],
  ['api.together.xyz', 'together_ai'],
  ['api.together.ai', 'together_ai'],
  ['api.fireworks.ai', 'fireworks_ai'],
  ['openrouter.ai', 'openrouter'],
  ['api.cerebras.ai', 'cerebras'],
  ['api.moonshot.ai', 'moonshot_ai'],
  ['api.moonshot.cn', 'moonshot_ai'],
];

/** A provider by its conventions' name or its service name; one that nobody knows is its own name and service. */
export function providerNamed(name: string): Provider {
  return PROVIDERS.find((known) => known.name === name || known.service === name) ?? provider(name, name);
}

function providerOfHost(host: string): Provider | undefined {
  const found = HOSTS.find(([pattern]) => (/^[.-]/.test(pattern) ? host.endsWith(pattern) : host === pattern));
  return found && providerNamed(found[1]);
}

let fromEnvironment: Map<string, string> | undefined;
let configured = new Map<string, string>();
let cache = new Map<string, Endpoint>();
const MAX_CACHED = 1_000;

/** The instrumentation's `providerHosts`; `resetEnvironment` reads `CLIENT_COST_PROVIDER_HOSTS` anew (tests). */
export function configureProviderHosts(
  hosts: Readonly<Record<string, string>> | undefined,
  resetEnvironment = false,
): void {
  configured = parseProviderHosts(
    Object.entries(hosts ?? {})
      .map(([host, name]) => `${host}=${name}`)
      .join(','),
  );
  if (resetEnvironment) fromEnvironment = undefined;
  cache = new Map();
}

const NOWHERE: Endpoint = { provider: UNKNOWN, address: undefined, port: undefined };

function resolve(url: string): Endpoint {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return NOWHERE;
  }
  fromEnvironment ??= parseProviderHosts(environment().CLIENT_COST_PROVIDER_HOSTS);
  const port = parsed.port === '' ? (parsed.protocol === 'http:' ? 80 : 443) : Number(parsed.port);
  const host = parsed.hostname.toLowerCase();
  const named = [`${host}:${port}`, host]
    .flatMap((key) => [configured.get(key), fromEnvironment?.get(key)])
    .find((name) => name !== undefined);
  const found = named === undefined ? providerOfHost(host) : providerNamed(named);
  return { provider: found ?? UNKNOWN, address: host.replace(/^\[|\]$/g, ''), port };
}

/** The endpoint of a call. Never throws. */
export function endpointOf(client: Client, path: string): Endpoint {
  const url = path.startsWith('/') ? String(client.baseURL) : /^https?:/i.test(path) ? path : String(client.baseURL);
  let endpoint = cache.get(url);
  if (!endpoint) {
    endpoint = resolve(url);
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(url, endpoint);
  }
  // AzureOpenAI behind a gateway: the class says what the host does not.
  if (endpoint.provider === UNKNOWN && client.apiVersion !== undefined && 'deploymentName' in client) {
    return { ...endpoint, provider: AZURE };
  }
  return endpoint;
}

/** Azure takes `stream_options` in chat completions since API version 2024-09-01-preview, and in its v1 API. */
export function azureTakesStreamOptions(client: Client): boolean {
  const version = typeof client.apiVersion === 'string' ? client.apiVersion : queryVersion(client);
  if (version === undefined) return /\/openai\/v1\b/.test(String(client.baseURL));
  const date = /^(\d{4}-\d{2}-\d{2})/.exec(version)?.[1];
  return date === undefined ? version === 'preview' || version === 'latest' || version === 'v1' : date >= '2024-09-01';
}

function queryVersion(client: Client): string | undefined {
  const query = typeof client.defaultQuery === 'function' ? client.defaultQuery() : undefined;
  const version = (query as Record<string, unknown> | undefined)?.['api-version'];
  return typeof version === 'string' ? version : undefined;
}
