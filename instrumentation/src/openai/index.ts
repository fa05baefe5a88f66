import { diag } from '@opentelemetry/api';
import {
  InstrumentationBase,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '@opentelemetry/instrumentation';
import { VERSION } from '../version.ts';
import type { AnyFunction, ClientPrototype } from './internal-types.ts';
import { clientPrototype, wrapMakeRequest, wrapPost, wrapRequest } from './patch.ts';
import { restorePromises } from './promise.ts';
import { configureProviderHosts } from './provider.ts';
import type { OpenAIInstrumentationConfig } from './types.ts';

export type { OpenAIInstrumentationConfig } from './types.ts';

/** 4 is where the client that we know began; each new major has changed what we hang on to, so none is assumed to fit. */
const OLDEST_MAJOR = 4;
const NEWEST_MAJOR = 7;
const SUPPORTED = '>=4.0.0 <8';
/** Global: two copies of this package in one process must not both record. */
const PATCHED = Symbol.for('@client-cost/instrumentation openai');

const WRAPPERS = { post: wrapPost, request: wrapRequest, makeRequest: wrapMakeRequest } as const;
type Method = keyof typeof WRAPPERS;
const METHODS = Object.keys(WRAPPERS) as Method[];

/** Reported once in the process, however many instrumentations and copies there are. */
const reported = new Set<string>();

function supports(version: string | undefined): boolean {
  const major = Number.parseInt(version ?? '', 10);
  // No version could be read: the shape decides.
  return Number.isNaN(major) || (major >= OLDEST_MAJOR && major <= NEWEST_MAJOR);
}

/** Records every billable call made through the `openai` package, majors 4 to 7, CommonJS and ESM. */
export class OpenAIInstrumentation extends InstrumentationBase<OpenAIInstrumentationConfig> {
  // Set in init(), which the base class calls before field initialisers run.
  declare private _patched: Map<ClientPrototype, Record<Method, AnyFunction>>;

  constructor(config: OpenAIInstrumentationConfig = {}) {
    super('@client-cost/instrumentation', VERSION, config);
  }

  override setConfig(config: OpenAIInstrumentationConfig): void {
    const before = this.getConfig().providerHosts;
    super.setConfig(config);
    // A second instrumentation without the setting leaves the first one's alone.
    if (config.providerHosts !== before) configureProviderHosts(config.providerHosts);
  }

  protected override init(): InstrumentationNodeModuleDefinition {
    this._patched = new Map();
    const patch = <T>(exports: T, version?: string): T => {
      this._patchModule(exports, version);
      return exports;
    };
    const unpatch = (): void => {};
    // Subpaths such as `openai/client` or `openai/azure` never load the main file, but always the one with the client.
    // Every version is asked for: an unsupported one is to be reported, not passed over in silence.
    const files = ['core', 'client', 'azure', 'index']
      .flatMap((name) => [`openai/${name}.js`, `openai/${name}.mjs`])
      .map((file) => new InstrumentationNodeModuleFile(file, ['*'], patch, unpatch));
    const definition = new InstrumentationNodeModuleDefinition('openai', ['*'], patch, unpatch, files);
    return Object.assign(definition, { includePrerelease: true });
  }

  /** Undoes every patch, not only the last loaded copy's as the base class would. */
  override disable(): void {
    super.disable();
    for (const [prototype, originals] of this._patched) {
      for (const method of METHODS) {
        if ((prototype[method] as { wrapper?: unknown }).wrapper === this) prototype[method] = originals[method];
      }
    }
    restorePromises();
  }

  override enable(): void {
    super.enable();
    for (const prototype of this._patched.keys()) this._patch(prototype);
  }

  /**
   * For a client class that no module hook can see: bundled into the application, or installed under another name.
   * @returns whether its calls are recorded from now on
   */
  instrumentClass(OpenAI: unknown): boolean {
    const prototype = clientPrototype(OpenAI);
    if (!prototype) {
      diag.error(
        'client-cost: instrumentClass() needs the OpenAI class of the openai package, 4 to 7; nothing is recorded for it',
      );
      return false;
    }
    this._patch(prototype);
    return true;
  }

  private _patchModule(exports: unknown, version: string | undefined): void {
    const module = exports as { [name: string]: unknown } | undefined;
    if (!supports(version)) {
      this._report(`openai ${version}`, `openai ${version} is not supported (supported: ${SUPPORTED})`);
      return;
    }
    const prototype = [module?.OpenAI, module?.AzureOpenAI, module?.APIClient, module?.default, module]
      .map((candidate) => clientPrototype(candidate))
      .find((found) => found !== undefined);
    if (prototype) this._patch(prototype);
    else
      this._report(`shape ${version}`, `openai ${version ?? '(unknown version)'} has no client that could be patched`);
  }

  private _report(cause: string, what: string): void {
    if (reported.has(cause)) return;
    reported.add(cause);
    diag.error(
      `client-cost: ${what}: its calls are NOT recorded and cost nothing in any report. ` +
        `Install openai ${SUPPORTED}, or a newer @client-cost/instrumentation.`,
    );
  }

  private _patch(prototype: ClientPrototype): void {
    if ((prototype.post as { [PATCHED]?: boolean })[PATCHED]) return;
    const originals = { post: prototype.post, request: prototype.request, makeRequest: prototype.makeRequest };
    for (const method of METHODS) {
      prototype[method] = Object.assign(WRAPPERS[method](originals[method]), { [PATCHED]: true, wrapper: this });
    }
    this._patched.set(prototype, originals);
  }
}
