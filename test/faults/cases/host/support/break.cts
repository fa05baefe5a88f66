/*
 * Breaks something, in the process of a service: HOST_BREAK names what, as `name` or `name:argument`. Loaded by --require, in front of
 * our register or after it. What is broken "for us" fails only where code of ours is the caller: the service goes on as before.
 */
const nodeModule = require('node:module') as typeof import('node:module');
const path = require('node:path') as typeof import('node:path');

// biome-ignore lint/suspicious/noExplicitAny: everything is broken here
type Any = any;

const root = path.join(__dirname, '..', '..', '..', '..', '..');
const OURS = ['instrumentation', 'exporter'].map((name) => path.join(root, name, 'dist') + path.sep);
const [name = '', argument = ''] = (process.env.HOST_BREAK ?? '').split(/:(.*)/s);

// Kept from our own damage.
const { apply, defineProperty, getOwnPropertyDescriptor } = Reflect;
const { captureStackTrace } = Error;
const imul = Math.imul;
let struck = 0;
let begun = false;
let looking = false;
let probability = 1;
let state = Number(process.env.HOST_SEED ?? 1) >>> 0;

function random(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = imul(t ^ (t >>> 15), t | 1);
  t ^= t + imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

/** Whether the nearest caller outside of this file is ours. */
function calledByUs(below: (...args: Any[]) => unknown): boolean {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: Any } = {};
  Error.stackTraceLimit = 1;
  Error.prepareStackTrace = (_, sites) => sites[0]?.getFileName() ?? '';
  captureStackTrace(holder, below);
  const file = String(holder.stack);
  Error.prepareStackTrace = prepareStackTrace;
  Error.stackTraceLimit = stackTraceLimit;
  for (let i = 0; i < OURS.length; i++) if (file.slice(0, OURS[i]!.length) === OURS[i]) return true;
  return false;
}

class Struck extends Error {
  override readonly name = 'Struck';
}

/** The method throws when our code calls it. */
function sabotage(target: Any, key: string | symbol, failure = () => new Struck(`${String(key)} is broken`)): void {
  const descriptor = getOwnPropertyDescriptor(target, key);
  const original = descriptor?.value;
  if (typeof original !== 'function') throw new Error(`no method ${String(key)}`);
  const replaced = function (this: unknown, ...args: unknown[]): unknown {
    if (begun && !looking && (probability === 1 || random() < probability)) {
      // What looking itself calls may be broken as well.
      looking = true;
      const ours = calledByUs(replaced);
      looking = false;
      if (ours) {
        struck++;
        throw failure();
      }
    }
    return new.target === undefined ? apply(original, this, args) : Reflect.construct(original, args, new.target);
  };
  Object.setPrototypeOf(replaced, original);
  if ('prototype' in original) defineProperty(replaced, 'prototype', { value: original.prototype, writable: false });
  defineProperty(target, key, { ...descriptor, value: replaced });
}

const ofProject = nodeModule.createRequire(path.join(root, 'instrumentation', 'package.json'));
const api = (): Any => ofProject('@opentelemetry/api');
const dist = (file: string): Any => ofProject(`./dist/${file}`);

/** Every method of it throws, and every property is such a method. */
function thrower(): Any {
  return new Proxy(function broken() {} as Any, {
    get: (_, key) => {
      if (key === Symbol.toPrimitive || key === 'then') return undefined;
      return () => {
        struck++;
        throw new Struck(String(key));
      };
    },
    apply() {
      struck++;
      throw new Struck('called');
    },
  });
}

/** Every method of it gives undefined. */
const mute = (): Any => new Proxy(function mute() {} as Any, { get: () => () => void struck++ });

function count<T>(value: T): T {
  struck++;
  return value;
}

/** What a language without surprises would not let one change, by the name of the global. */
const BUILTINS: Readonly<Record<string, () => [target: Any, key: string | symbol][]>> = {
  json: () => [
    [JSON, 'stringify'],
    [JSON, 'parse'],
  ],
  date: () => [
    [Date, 'now'],
    [Date.prototype, 'getTime'],
    [Date.prototype, 'toISOString'],
    [globalThis, 'Date'],
  ],
  object: () =>
    ['assign', 'keys', 'entries', 'freeze', 'hasOwn', 'fromEntries', 'getPrototypeOf', 'defineProperty'].map((key) => [
      Object,
      key,
    ]),
  array: () =>
    [
      'push',
      'map',
      'filter',
      'find',
      'flatMap',
      'join',
      'slice',
      'splice',
      'at',
      'some',
      'every',
      'findIndex',
      'reverse',
      'includes',
    ].map((key) => [Array.prototype, key]),
  collections: () => [
    ...['get', 'set', 'has', 'delete', 'values'].map((key): [Any, string] => [Map.prototype, key]),
    ...['has', 'add', 'delete'].map((key): [Any, string] => [Set.prototype, key]),
    ...['get', 'set', 'has', 'delete'].map((key): [Any, string] => [WeakMap.prototype, key]),
    ...['add', 'has'].map((key): [Any, string] => [WeakSet.prototype, key]),
    [FinalizationRegistry.prototype, 'register'],
  ],
  text: () => [
    ...[
      'slice',
      'indexOf',
      'startsWith',
      'endsWith',
      'split',
      'replace',
      'replaceAll',
      'trim',
      'toLowerCase',
      'includes',
      'padStart',
      'matchAll',
      'toWellFormed',
      'charCodeAt',
    ].map((key): [Any, string] => [String.prototype, key]),
    [RegExp.prototype, 'exec'],
    [RegExp.prototype, 'test'],
  ],
  numbers: () => [
    [globalThis, 'BigInt'],
    [globalThis, 'Number'],
    [globalThis, 'String'],
    [Number, 'isSafeInteger'],
    [Number, 'isInteger'],
    [Number, 'isFinite'],
    [Number.prototype, 'toString'],
    [BigInt.prototype, 'toString'],
    [Math, 'max'],
    [Math, 'min'],
    [Math, 'floor'],
  ],
  promise: () => [
    [Promise.prototype, 'then'],
    [Promise.prototype, 'catch'],
    [Promise, 'all'],
    [Promise, 'resolve'],
  ],
  timers: () => [
    [globalThis, 'setTimeout'],
    [globalThis, 'setImmediate'],
    [globalThis, 'setInterval'],
    [globalThis, 'clearTimeout'],
    [globalThis, 'queueMicrotask'],
  ],
  urls: () => [
    [globalThis, 'URL'],
    [globalThis, 'URLSearchParams'],
    [globalThis, 'TextEncoder'],
    [globalThis, 'TextDecoder'],
  ],
  buffers: () => [
    [Buffer, 'from'],
    [Buffer, 'concat'],
    [Buffer, 'alloc'],
    [Buffer, 'byteLength'],
    [Buffer, 'allocUnsafe'],
  ],
  crypto: () => {
    const crypto = require('node:crypto');
    return ['randomFillSync', 'hash', 'randomBytes', 'randomUUID', 'createHash'].map((key) => [crypto, key]);
  },
  storage: () => {
    const { AsyncLocalStorage } = require('node:async_hooks');
    return ['run', 'getStore', 'enterWith'].map((key) => [AsyncLocalStorage.prototype, key]);
  },
  files: () => {
    const fs = require('node:fs');
    return [
      'openSync',
      'writeSync',
      'closeSync',
      'mkdirSync',
      'readFileSync',
      'renameSync',
      'readdirSync',
      'statSync',
      'fstatSync',
      'existsSync',
      'unlinkSync',
      'fsyncSync',
      'writeFileSync',
      'appendFileSync',
      'readSync',
    ].map((key) => [fs, key]);
  },
  opentelemetry: () => {
    const { context, trace, metrics, diag, propagation } = api();
    const out: [Any, string][] = [];
    for (const one of [context, trace, metrics, diag, propagation]) {
      const prototype = Object.getPrototypeOf(one);
      for (const key of Object.getOwnPropertyNames(prototype)) {
        if (key !== 'constructor' && typeof getOwnPropertyDescriptor(prototype, key)?.value === 'function')
          out.push([prototype, key]);
      }
    }
    return out;
  },
};

const enospc = () =>
  Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28, syscall: 'write' });

const exporterPackage = (): Any => ofProject('@client-cost/exporter');

const BREAKS: Readonly<Record<string, () => void>> = {
  /** A group of builtins throws at each call of ours. */
  builtin: () => {
    for (const [target, key] of BUILTINS[argument]!()) sabotage(target, key);
  },
  /** Anything throws at some of our calls. */
  chaos: () => {
    probability = Number(argument);
    for (const group of Object.values(BUILTINS)) for (const [target, key] of group()) sabotage(target, key);
  },
  'disk-full': () => {
    const fs = require('node:fs');
    for (const key of ['writeSync', 'writeFileSync', 'appendFileSync']) sabotage(fs, key, enospc);
  },
  exporter: () => {
    const made = {
      emit: thrower().emit,
      flush: () => Promise.reject(new Struck('flush')),
      shutdown: () => Promise.reject(new Struck('shutdown')),
      stats: thrower().stats,
    };
    exporterPackage().createUsageExporter =
      argument === 'make' ? thrower().create : () => (argument === 'mute' ? mute() : made);
    if (argument === 'make') exporterPackage().onProcessEnd = thrower().onProcessEnd;
  },
  serializer: () => {
    const record = nodeModule.createRequire(path.join(root, 'exporter', 'package.json'))('./dist/record.js');
    record[argument] = thrower()[argument];
  },
  recorder: () => {
    const { context, trace, INVALID_SPAN_CONTEXT } = api();
    const span = () => trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    const recorders: Record<string, Any> = {
      throws: { start: thrower().start, priceBook: thrower().priceBook },
      undefined: { start: () => void struck++ },
      end: { start: () => ({ context: context.active(), span: span(), id: 'x', end: thrower().end }) },
    };
    dist('recorder/index.js').setRecorder(recorders[argument]);
  },
  prices: () => {
    const { prototype } = dist('prices/book.js').LayeredPriceBook;
    for (const key of ['price', 'toUsd']) prototype[key] = thrower()[key];
  },
  /** An application's own OpenTelemetry, broken in every method. */
  providers: () => {
    const { trace, metrics, propagation } = api();
    const broken = argument === 'mute' ? mute() : thrower();
    trace.setGlobalTracerProvider(broken);
    metrics.setGlobalMeterProvider(broken);
    propagation.setGlobalPropagator(broken);
  },
  spans: () => {
    const { trace, metrics } = api();
    const broken = argument === 'mute' ? mute() : thrower();
    trace.setGlobalTracerProvider({
      getTracer: () => ({ startSpan: () => count(broken), startActiveSpan: broken }),
    });
    metrics.setGlobalMeterProvider({ getMeter: () => broken });
  },
  'context-manager': () => {
    const { context, ROOT_CONTEXT } = api();
    const managers: Record<string, Any> = {
      throws: thrower(),
      mute: mute(),
      with: {
        active: () => ROOT_CONTEXT,
        with: thrower().with,
        bind: (_: unknown, target: unknown) => target,
        enable() {},
        disable() {},
      },
      active: {
        active: thrower().active,
        with: (_: unknown, run: Any, self: unknown, ...args: unknown[]) => run.apply(self, args),
        bind: (_: unknown, target: unknown) => target,
        enable() {},
        disable() {},
      },
      after: {
        active: () => ROOT_CONTEXT,
        with: (_: unknown, run: Any, self: unknown, ...args: unknown[]) => {
          run.apply(self, args);
          struck++;
          throw new Struck('with, afterwards');
        },
        bind: (_: unknown, target: unknown) => target,
        enable() {},
        disable() {},
      },
    };
    context.setGlobalContextManager(managers[argument]);
  },
  diag: () => {
    const { diag, DiagLogLevel } = api();
    // Setting it, the API itself speaks to it.
    const log = (): void => {
      if (!begun) return;
      struck++;
      if (argument !== 'mute') throw new Struck('log');
    };
    const logger = { error: log, warn: log, info: log, debug: log, verbose: log };
    diag.setLogger(logger, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true });
  },
  /* The ground: what the service itself stands on. Without us it is the same. */
  clock: () => {
    const real = Date.now;
    const start = real();
    const clocks: Record<string, () => number> = {
      nan: () => Number.NaN,
      backwards: () => 2 * start - real(),
      still: () => start,
      zero: () => 0,
      future: () => 8.64e15,
      infinite: () => Number.POSITIVE_INFINITY,
    };
    Date.now = clocks[argument]!;
    if (argument === 'nan' || argument === 'infinite' || argument === 'zero') {
      const Real = Date;
      // As fake timers do it: `new Date()` is theirs too.
      const Fake = function (this: unknown, ...args: Any[]) {
        return new.target === undefined
          ? String(new Real(clocks[argument]!()))
          : Reflect.construct(Real, args.length === 0 ? [clocks[argument]!()] : args, Real);
      } as Any;
      Fake.prototype = Real.prototype;
      Object.setPrototypeOf(Fake, Real);
      Fake.now = clocks[argument];
      (globalThis as Any).Date = Fake;
    }
  },
  performance: () => {
    performance.now = () => Number.NaN;
  },
  polluted: () => {
    const pollution: Record<string, () => void> = {
      enumerable: () => {
        (Object.prototype as Any).polluted = 'yes';
      },
      attributes: () => {
        for (const key of ['clientId', 'cost', 'tokens', 'billed', 'usageId', 'deleted'])
          defineProperty(Object.prototype, key, {
            value: 'polluted',
            writable: true,
            configurable: true,
          });
      },
      toJSON: () => {
        defineProperty(Object.prototype, 'toJSON', {
          value() {
            return this;
          },
          writable: true,
          configurable: true,
        });
      },
      array: () => {
        (Array.prototype as Any).last = function (this: Any[]) {
          return this.at(-1);
        };
      },
    };
    pollution[argument]!();
  },
  env: () => {
    const real = process.env;
    if (argument === 'frozen') process.env = Object.freeze({ ...real });
    else {
      process.env = new Proxy(
        { ...real },
        {
          get(target, key) {
            if (typeof key === 'string' && /^(OTEL_|CLIENT_COST_(?!SPOOL|PROVIDER|HTTP))/.test(key))
              throw new Error(`no ${key}`);
            return Reflect.get(target, key);
          },
          set: () => {
            throw new Error('read only');
          },
        },
      );
    }
  },
  absent: () => {
    if (argument === 'getBuiltinModule') (process as Any).getBuiltinModule = undefined;
    if (argument === 'crypto') {
      const crypto = require('node:crypto');
      crypto.randomUUID = undefined;
      crypto.getRandomValues = undefined;
      defineProperty(globalThis, 'crypto', { value: undefined, configurable: true, writable: true });
    }
    if (argument === 'registry') {
      // Node's own fetch does not load without one.
      void globalThis.Response;
      (globalThis as Any).FinalizationRegistry = undefined;
    }
  },
  'listener-limit': () => {
    // Room for one more of each: ours.
    process.setMaxListeners(3);
    process.on('SIGTERM', () => {});
    process.on('exit', () => {});
    process.on('beforeExit', () => {});
  },
  /** The application wraps what the SDK's classes have, as a tracer of its own would. */
  'own-patches': () => {},
  'other-instrumentations': () => {
    const { registerInstrumentations } = ofProject('@opentelemetry/instrumentation');
    const { OpenAIInstrumentation } = nodeModule.createRequire(path.join(root, 'package.json'))(
      '@opentelemetry/instrumentation-openai',
    );
    registerInstrumentations({ instrumentations: [new OpenAIInstrumentation()] });
  },
  'second-copy': () => {
    require(process.env.HOST_COPY as string);
  },
};

/** Wraps every function of a class's prototype as an application's own tracer would. */
function patchClass(owner: Any): void {
  for (let at = owner?.prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Object.getOwnPropertyNames(at)) {
      const descriptor = getOwnPropertyDescriptor(at, key);
      if (key === 'constructor' || typeof descriptor?.value !== 'function' || descriptor.writable !== true) continue;
      const inner = descriptor.value;
      at[key] = function (this: unknown, ...args: unknown[]) {
        struck++;
        return inner.apply(this, args);
      };
    }
  }
}

/* With a filter by the caller everything loads in peace: a breakage begins with the first call. */
const later = /^(builtin|chaos|disk-full)$/.test(name);
const host = {
  struck: () => struck,
  begin(lib: Any): void {
    begun = true;
    if (later && argument !== 'load') BREAKS[name]?.();
    if (name === 'own-patches')
      for (const owner of [lib?.OpenAI, lib?.S3Client, lib?.PlacesClient, lib?.Twilio, lib?.StripeResource])
        patchClass(owner);
  },
};
(globalThis as Any).hostBreak = host;
if (!later) BREAKS[name]?.();
