/**
 * Preloaded (`--import`): OpenTelemetry's NodeSDK with one instrumentation of openai (`BENCH_PEER`), as its documentation
 * says; batch processor and OTLP/HTTP exporters as NodeSDK sets them up from the environment.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { NodeSDK } = require('@opentelemetry/sdk-node');

const peers: Record<string, () => object> = {
  none: () => ({}),
  opentelemetry: () => {
    const { OpenAIInstrumentation } = require('@opentelemetry/instrumentation-openai');
    return new OpenAIInstrumentation();
  },
  traceloop: () => {
    const { OpenAIInstrumentation } = require('@traceloop/instrumentation-openai');
    return new OpenAIInstrumentation({ exceptionLogger: (error: Error) => console.error(error) });
  },
  openinference: () => {
    const { OpenAIInstrumentation } = require('@arizeai/openinference-instrumentation-openai');
    return new OpenAIInstrumentation();
  },
};

const peer = process.env.BENCH_PEER ?? 'none';
const create = peers[peer];
if (!create) throw new Error(`Unknown peer ${peer}`);
const sdk = new NodeSDK({ instrumentations: peer === 'none' ? [] : [create()] });
sdk.start();
process.once('beforeExit', () => void sdk.shutdown());
