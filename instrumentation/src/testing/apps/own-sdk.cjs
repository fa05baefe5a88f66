// An application's own OpenTelemetry set-up, as a file to require before it or as its first line.
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { clientCostInstrumentations } = require('@client-cost/instrumentation');

const sdk = new NodeSDK({ serviceName: 'own-sdk', instrumentations: clientCostInstrumentations() });
sdk.start();
let ended = false;
process.on('beforeExit', () => {
  if (!ended) sdk.shutdown();
  ended = true;
});
