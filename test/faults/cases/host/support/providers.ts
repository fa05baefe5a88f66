/* The scripts of calls that each provider's transparency test has, as one table: what a caller of the SDK sees of each. */
import { createRequire } from 'node:module';
import { createGooglePlacesGrpcStandIn } from '../../../../../examples/src/stand-ins/google-places/grpc.ts';
import { createGooglePlacesStandIn } from '../../../../../examples/src/stand-ins/google-places/index.ts';
import { startR2 } from '../../../../../instrumentation/src/cloudflare-r2/testing/stand-in.mts';
import { answerScripts } from './answers.ts';

export const PROVIDERS = ['openai', 'twilio', 'stripe', 'r2', 'places', 'http'] as const;
/** `answers`: three SDKs with answers that none of them expects. */
export type Provider = (typeof PROVIDERS)[number] | 'answers';

/** Runs one script by its name; the result is JSON and the same each time. */
export type Script = (name: string) => Promise<unknown>;

export interface Scripts {
  readonly names: readonly string[];
  readonly run: Script;
  /** What the SDK exports: for breakages that an application's own patches of it are. */
  readonly lib: unknown;
  close(): Promise<void>;
}

const testing = (path: string) => new URL(`../../../../../instrumentation/src/${path}`, import.meta.url).href;
const require = createRequire(testing('index.ts'));
const nothing = async () => {};

/** Scripts whose outcome hangs on the clock, on the machine's speed or on the order in which files were loaded. */
const UNSTEADY: Readonly<Record<Provider, RegExp>> = {
  openai: /timeout|time-out|abandon/,
  twilio: /timeout|time-out|hang/,
  stripe: /timeout|time-out/,
  r2: /timeout|time-out/,
  places: /timeout|time-out|deadline|refused/,
  http: /timeout|silent|abort/,
  answers: /^$/,
};

/** Loads the SDK (under whatever hooks there are) and starts its stand-in. */
export async function scriptsOf(provider: Provider): Promise<Scripts> {
  const { names, ...rest } = await LOADERS[provider]();
  return { ...rest, names: names.filter((name) => !UNSTEADY[provider].test(name)) };
}

const LOADERS: Readonly<Record<Provider, () => Promise<Scripts>>> = {
  openai: () => simple('openai', 'openai/testing/shapes.mts'),
  twilio: () => simple('twilio', 'twilio/testing/shapes.mts'),
  stripe: () => simple('stripe', 'stripe/testing/shapes.mts'),
  async r2() {
    const { SHAPES, runShapes } = await import(testing('cloudflare-r2/testing/shapes.mts'));
    const lib = { ...require('@aws-sdk/client-s3'), ...require('@aws-sdk/lib-storage') };
    return {
      lib,
      names: Object.keys(SHAPES),
      // What one script stores the next one finds: each has a stand-in of its own.
      async run(name) {
        const stand = await startR2();
        const port = new URL(stand.url).port;
        try {
          return JSON.parse(JSON.stringify(await runShapes(lib, stand.url, name)).replaceAll(port, 'PORT'))[name];
        } finally {
          await stand.close();
        }
      },
      close: nothing,
    };
  },
  async places() {
    const rest = await createGooglePlacesStandIn();
    const grpc = await createGooglePlacesGrpcStandIn();
    const { SHAPES } = await import(testing('google-places/testing/shapes.mts'));
    const axios = require('axios');
    const env = {
      url: rest.url,
      grpcPort: grpc.port,
      places: require('@googlemaps/places'),
      placesFile: require.resolve('@googlemaps/places'),
      services: require('@googlemaps/google-maps-services-js'),
      axios: axios.default ?? axios,
    };
    return {
      lib: env.places,
      // Over gRPC only when asked for: its own retries take seconds.
      names: Object.keys(SHAPES).filter((name) => !/gRPC|twice/.test(name)),
      run: async (name) => {
        const result = await SHAPES[name].run(env).catch((error: unknown) => ({ threw: String(error) }));
        return JSON.parse((JSON.stringify(result) ?? 'null').replaceAll(String(rest.port), 'PORT'));
      },
      close: async () => void (await Promise.all([rest.close(), grpc.close()])),
    };
  },
  answers: async () => ({ ...answerScripts(), lib: undefined, close: nothing }),
  async http() {
    const { createTestServer } = await import(testing('http/testing/server.mts'));
    const { SHAPES, runShapes } = await import(testing('http/testing/shapes.mts'));
    const server = await createTestServer();
    const port = new URL(server.url).port;
    return {
      lib: undefined,
      names: Object.keys(SHAPES),
      run: async (name) => {
        const text = JSON.stringify(await runShapes(server.url, name)) ?? 'null';
        return JSON.parse(text.replaceAll(port, 'PORT'))[name];
      },
      close: () => server.close(),
    };
  },
};

async function simple(name: string, file: string): Promise<Scripts> {
  const { SHAPES, runShapes } = await import(testing(file));
  // The major that is installed at the root, where a breakage asks for it.
  const from =
    process.env.HOST_FROM === 'root' ? createRequire(new URL('../../../../../package.json', import.meta.url)) : require;
  const lib = from(name);
  return {
    lib,
    names: Object.keys(SHAPES),
    run: async (only) => (await runShapes(lib, only))[only],
    close: nothing,
  };
}
