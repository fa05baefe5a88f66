import {
  InstrumentationBase,
  type InstrumentationConfig,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '@opentelemetry/instrumentation';
import { logError } from '../log.ts';
import { VERSION } from '../version.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever a package's method is.
export type AnyFunction = (this: any, ...args: any[]) => any;

/** An object of the package (usually a prototype) and what its methods are to be replaced by. */
export interface Target {
  readonly object: object;
  /** From a method's name to what makes the new method of the old one. Only methods that are there are replaced. */
  readonly wraps: Readonly<Record<string, (original: AnyFunction) => AnyFunction>>;
}

/** One npm package that a provider is called through. */
export interface PackageSpec {
  /** As in `require('twilio')`. */
  readonly name: string;
  /** Oldest and newest supported major, both included. Each new major may change what we hang on to: none is assumed to fit. */
  readonly majors: readonly [oldest: number, newest: number];
  /** Files of the package (`lib/base/BaseTwilio.js`) that applications load without loading its main file. */
  readonly files?: readonly string[];
  /** ESM specifiers to hook beside the name itself (`openai/azure`). */
  readonly specifiers?: readonly string[];
}

/** The part of a provider that patches. `register` loads it when one of the provider's packages is loaded. */
export interface ProviderPatch<Config> {
  /**
   * What to patch in the exports of a package or of one of its files; none where their shape is not known.
   * @param name of the package
   * @param file of the package, where that is not its main one
   */
  targets(exports: unknown, name: string, file: string | undefined): readonly Target[];
  /** Called with the settings before the first `targets`, and when they change. */
  configure?(config: Config, before: Partial<Config>): void;
  /** Undoes what was patched beside the targets. */
  restore?(): void;
}

type Methods = Record<string, AnyFunction>;
type Patched = AnyFunction & { [PATCHED]?: boolean; wrapper?: unknown };

/** Global: two copies of this package in one process must not both record. */
const PATCHED = Symbol.for('@client-cost/instrumentation patched');
/** Reported once in the process, however many instrumentations and copies there are. */
const reported = new Set<string>();

/**
 * The instrumentation of a provider's packages: patches them when they are loaded (CommonJS and ESM), once, undoes it in
 * `disable`, and says so where a version or shape is not supported instead of recording nothing in silence.
 */
export class PackageInstrumentation<
  Config extends InstrumentationConfig = InstrumentationConfig,
> extends InstrumentationBase<Config> {
  // Set in init(), which the base class calls before field initialisers run.
  declare private _patched: Map<Methods, Map<string, { original: AnyFunction; wrap: (o: AnyFunction) => AnyFunction }>>;

  declare private _loaded: ProviderPatch<Config> | undefined;

  constructor(config: Config) {
    super('@client-cost/instrumentation', VERSION, config);
  }

  /** Read in the base class's constructor: a constant. {@link packageInstrumentation} fills in both. */
  protected packages(): readonly PackageSpec[] {
    return [];
  }

  protected loadPatch(): ProviderPatch<Config> {
    return { targets: () => [] };
  }

  private _patching(): ProviderPatch<Config> {
    if (this._loaded === undefined) {
      this._loaded = this.loadPatch();
      this._loaded.configure?.(this.getConfig(), {});
    }
    return this._loaded;
  }

  override setConfig(config: Config): void {
    const before = this.getConfig() ?? {};
    super.setConfig(config);
    this._loaded?.configure?.(config, before);
  }

  protected override init(): InstrumentationNodeModuleDefinition[] {
    this._patched = new Map();
    return this.packages().map((spec) => {
      const patchAs =
        (file: string | undefined) =>
        <T>(exports: T, version?: string): T => {
          this._patchModule(spec, exports, version, file);
          return exports;
        };
      const unpatch = (): void => {};
      // Every version is asked for: an unsupported one is to be reported, not passed over in silence.
      const files = (spec.files ?? []).map(
        (file) => new InstrumentationNodeModuleFile(`${spec.name}/${file}`, ['*'], patchAs(file), unpatch),
      );
      const definition = new InstrumentationNodeModuleDefinition(spec.name, ['*'], patchAs(undefined), unpatch, files);
      return Object.assign(definition, { includePrerelease: true });
    });
  }

  /** Undoes every patch, not only the last loaded copy's as the base class would. */
  override disable(): void {
    super.disable();
    for (const [object, methods] of this._patched) {
      for (const [name, { original }] of methods) {
        if ((object[name] as Patched | undefined)?.wrapper === this) object[name] = original;
      }
    }
    this._loaded?.restore?.();
  }

  override enable(): void {
    super.enable();
    for (const [object, methods] of this._patched) {
      for (const [name, { wrap }] of methods) this._replace(object, name, wrap);
    }
  }

  /**
   * For a class that no module hook can see: bundled into the application, or installed under another name.
   * @param exports what the package exports, or the class itself
   * @param name of the package, where the provider has several
   * @returns whether its calls are recorded from now on
   */
  instrumentClass(exports: unknown, name?: string): boolean {
    try {
      const specs = this.packages().filter((spec) => name === undefined || spec.name === name);
      const targets = specs.flatMap((spec) => this._patching().targets(exports, spec.name, undefined));
      if (targets.length > 0) {
        this._patchAll(targets);
        return true;
      }
      const known = this.packages().map((spec) => spec.name);
      logError(`client-cost: instrumentClass() needs a class of ${known.join(' or ')}; nothing is recorded for it`);
    } catch (error) {
      // A frozen class, a Proxy: the application's own start goes on.
      logError('client-cost: instrumentClass(): the class could not be patched: its calls are NOT recorded', error);
    }
    return false;
  }

  private _patchModule(spec: PackageSpec, exports: unknown, version: string | undefined, file?: string): void {
    try {
      const [oldest, newest] = spec.majors;
      const supported = `>=${oldest}.0.0 <${newest + 1}`;
      const major = Number.parseInt(version ?? '', 10);
      // No version could be read: the shape decides.
      if (!Number.isNaN(major) && (major < oldest || major > newest)) {
        report(spec.name, supported, `${spec.name} ${version} is not supported (supported: ${supported})`);
        return;
      }
      const targets = this._patching().targets(exports, spec.name, file);
      if (targets.length > 0) this._patchAll(targets);
      else {
        const what = `${spec.name} ${version ?? '(unknown version)'}`;
        report(spec.name, supported, `${what} has no client that could be patched`);
      }
    } catch (error) {
      logError(`client-cost: ${spec.name} could not be patched: its calls are NOT recorded`, error);
    }
  }

  private _patchAll(targets: readonly Target[]): void {
    for (const { object, wraps } of targets) {
      for (const [name, wrap] of Object.entries(wraps)) this._replace(object as Methods, name, wrap);
    }
  }

  private _replace(object: Methods, name: string, wrap: (original: AnyFunction) => AnyFunction): void {
    const original = object[name] as Patched | undefined;
    if (typeof original !== 'function' || original[PATCHED] === true) return;
    const made = wrap(original);
    Object.defineProperty(made, 'name', { value: original.name, configurable: true });
    object[name] = Object.assign(made, { [PATCHED]: true, wrapper: this });
    const methods = this._patched.get(object) ?? new Map();
    methods.set(name, { original, wrap });
    this._patched.set(object, methods);
  }
}

/** The class of one provider's instrumentation: `class TwilioInstrumentation extends packageInstrumentation(PACKAGES, () => patch) {}`. */
export function packageInstrumentation<Config extends InstrumentationConfig = InstrumentationConfig>(
  packages: readonly PackageSpec[],
  load: () => ProviderPatch<Config>,
): new (
  config?: Config,
) => PackageInstrumentation<Config> {
  return class extends PackageInstrumentation<Config> {
    constructor(config: Config = {} as Config) {
      super(config);
    }

    protected override packages(): readonly PackageSpec[] {
      return packages;
    }

    protected override loadPatch(): ProviderPatch<Config> {
      return load();
    }
  };
}

function report(name: string, supported: string, what: string): void {
  if (reported.has(what)) return;
  reported.add(what);
  logError(
    `client-cost: ${what}: its calls are NOT recorded and cost nothing in any report. ` +
      `Install ${name} ${supported}, or a newer @client-cost/instrumentation.`,
  );
}
