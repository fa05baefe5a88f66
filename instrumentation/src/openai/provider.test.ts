import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseProviderHosts } from '../provider-hosts.ts';
import { azureTakesStreamOptions, configureProviderHosts, endpointOf } from './provider.ts';

afterEach(() => {
  delete process.env.CLIENT_COST_PROVIDER_HOSTS;
  configureProviderHosts(undefined, true);
  diag.disable();
});

function providerOf(baseURL: string): string {
  return endpointOf({ baseURL }, '/chat/completions').provider.name;
}

describe('who is behind a base URL', () => {
  test.each([
    ['https://api.openai.com/v1', 'openai'],
    ['https://eu.api.openai.com/v1', 'openai'],
    ['https://us.api.openai.com/v1/', 'openai'],
    ['https://my.openai.azure.com/openai', 'azure.ai.openai'],
    ['https://my.cognitiveservices.azure.com/openai/v1', 'azure.ai.openai'],
    ['https://my.services.ai.azure.com/openai/v1', 'azure.ai.openai'],
    ['https://api.groq.com/openai/v1', 'groq'],
    ['https://api.deepseek.com', 'deepseek'],
    ['https://api.mistral.ai/v1', 'mistral_ai'],
    ['https://api.x.ai/v1', 'x_ai'],
    ['https://generativelanguage.googleapis.com/v1beta/openai/', 'gcp.gemini'],
    ['https://europe-west1-aiplatform.googleapis.com/v1', 'gcp.vertex_ai'],
    ['https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1', 'aws.bedrock'],
    ['https://openrouter.ai/api/v1', 'openrouter'],
    ['http://localhost:11434/v1', 'openai_compatible'],
    ['https://api.openai.com.evil.example/v1', 'openai_compatible'],
    ['https://notapi.openai.com/v1', 'openai_compatible'],
    ['not a url', 'openai_compatible'],
    ['', 'openai_compatible'],
  ])('%s is %s', (url, name) => {
    expect(providerOf(url)).toBe(name);
  });

  test('services are named as in the architecture', () => {
    const service = (baseURL: string) => endpointOf({ baseURL }, '/x').provider.service;
    expect(service('https://api.openai.com/v1')).toBe('openai');
    expect(service('https://my.openai.azure.com/openai')).toBe('azure_openai');
    expect(service('https://api.deepseek.com')).toBe('deepseek');
    expect(service('http://10.0.0.7/v1')).toBe('openai_compatible');
  });

  test('AzureOpenAI behind a gateway is Azure', () => {
    const client = { baseURL: 'https://gateway.example/openai', apiVersion: '2024-10-21', deploymentName: undefined };
    expect(endpointOf(client, '/chat/completions').provider.service).toBe('azure_openai');
  });

  test('an absolute path wins over the base URL', () => {
    const client = { baseURL: 'https://api.openai.com/v1' };
    expect(endpointOf(client, 'https://api.groq.com/openai/v1/chat/completions').provider.name).toBe('groq');
  });

  test('server address and port', () => {
    expect(endpointOf({ baseURL: 'http://[::1]:8080/v1' }, '/x')).toMatchObject({ address: '::1', port: 8080 });
    expect(endpointOf({ baseURL: 'https://API.openai.com/v1' }, '/x')).toMatchObject({
      address: 'api.openai.com',
      port: 443,
    });
  });
});

describe('CLIENT_COST_PROVIDER_HOSTS', () => {
  test('names gateways, by host or by host and port; the port is more exact', () => {
    process.env.CLIENT_COST_PROVIDER_HOSTS = 'gateway.corp:8443=openai, gateway.corp=groq,[::1]:9=azure_openai';
    configureProviderHosts(undefined, true);
    expect(providerOf('https://gateway.corp:8443/v1')).toBe('openai');
    expect(providerOf('https://gateway.corp/v1')).toBe('groq');
    expect(providerOf('http://[::1]:9/v1')).toBe('azure.ai.openai');
  });

  test('a provider that nobody knows is its own service', () => {
    process.env.CLIENT_COST_PROVIDER_HOSTS = 'llm.internal=my-llm';
    configureProviderHosts(undefined, true);
    expect(endpointOf({ baseURL: 'http://llm.internal/v1' }, '/x').provider).toMatchObject({
      name: 'my-llm',
      service: 'my-llm',
      streamUsage: false,
    });
  });

  test('the instrumentation’s own setting goes before it', () => {
    process.env.CLIENT_COST_PROVIDER_HOSTS = 'a.example=groq';
    configureProviderHosts({ 'a.example': 'deepseek' }, true);
    expect(providerOf('https://a.example/v1')).toBe('deepseek');
  });

  test('a malformed entry is named once and leaves the others alone', () => {
    const error = vi.fn();
    diag.setLogger(
      { error, warn: vi.fn(), info: vi.fn(), debug: vi.fn(), verbose: vi.fn() },
      { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
    );
    const hosts = parseProviderHosts('https://x/=openai,ok=openai,port:99999=groq,,noprovider=');
    expect([...hosts]).toEqual([['ok', 'openai']]);
    expect(error).toHaveBeenCalledTimes(3);
    expect(error.mock.calls[0]?.[0]).toContain('"https://x/=openai"');
    expect(error.mock.calls[0]?.[0]).toContain('gateway.corp:8443=openai');
  });
});

test.each([
  [{ apiVersion: '2024-08-01-preview' }, false],
  [{ apiVersion: '2024-09-01-preview' }, true],
  [{ apiVersion: '2024-10-21' }, true],
  [{ apiVersion: 'preview' }, true],
  [{ defaultQuery: () => ({ 'api-version': '2023-05-15' }) }, false],
  [{ baseURL: 'https://my.openai.azure.com/openai/v1/' }, true],
  [{ baseURL: 'https://my.openai.azure.com/openai' }, false],
])('Azure takes stream_options: %j %s', (client, expected) => {
  expect(azureTakesStreamOptions(client)).toBe(expected);
});
