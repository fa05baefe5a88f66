import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { setRecorder } from '../recorder/index.ts';
import { TwilioInstrumentation } from './index.ts';
import { TwilioRecorder } from './testing/recorder.ts';

// biome-ignore lint/suspicious/noExplicitAny: the package as JavaScript has it.
type Any = any;

const error = vi.fn<(...args: unknown[]) => void>();
const recorder = new TwilioRecorder();
const folder = mkdtempSync(join(tmpdir(), 'client-cost-twilio-'));
let first: TwilioInstrumentation;
let second: TwilioInstrumentation;

beforeAll(() => {
  diag.setLogger(
    { error, warn: vi.fn(), info: vi.fn(), debug: vi.fn(), verbose: vi.fn() },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  setRecorder(recorder);
  first = new TwilioInstrumentation();
  second = new TwilioInstrumentation();
});
beforeEach(() => {
  error.mockClear();
  recorder.clear();
});
afterAll(() => {
  first.disable();
  second.disable();
  setRecorder(undefined);
  diag.disable();
  rmSync(folder, { recursive: true });
});

/** An installed copy of something called twilio. */
function copy(place: string, version: string, source: string): Any {
  const at = join(folder, place, 'node_modules', 'twilio');
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name: 'twilio', version, main: 'index.js' }));
  writeFileSync(join(at, 'index.js'), source);
  return createRequire(join(folder, place, 'app.js'))('twilio');
}

const CLIENT = `
class Client { request() {} getHostname() {} }
class Twilio extends Client {}
module.exports = Object.assign(() => new Twilio(), { Twilio, request: Client.prototype.request });
`;

test.each(['3.84.1', '7.0.0', '7.1.0-rc.1'])('twilio %s is reported, once, and left untouched', (version) => {
  for (const place of ['a', 'b']) {
    const { Twilio, request } = copy(`${version}-${place}`, version, CLIENT);
    expect(Twilio.prototype.request).toBe(request);
  }
  expect(error).toHaveBeenCalledTimes(1);
  const message = error.mock.calls[0]?.join(' ');
  expect(message).toContain(`twilio ${version}`);
  expect(message).toContain('>=4.0.0 <7');
  expect(message).toContain('NOT recorded');
});

test('a supported version of an unknown shape is reported', () => {
  copy('odd', '6.999.0', 'module.exports = { Twilio: class { request() {} } };');
  expect(error.mock.calls[0]?.join(' ')).toContain('twilio 6.999.0 has no client that could be patched');
});

test('two instrumentations: each call once; disable() restores, enable() patches anew', async () => {
  const twilio = createRequire(__filename)('twilio') as Any;
  const answer = { statusCode: 201, body: { sid: 'SM1', num_segments: '1', status: 'queued' } };
  const send = async () => {
    recorder.clear();
    const api = twilio('AC1', 'x', { httpClient: { request: async () => answer } });
    await api.messages.create({ to: '+14155551234', from: '+14155550000', body: 'x' });
    return recorder.calls.length;
  };
  expect(await send()).toBe(1);
  second.disable();
  expect(await send()).toBe(1);
  first.disable();
  expect(await send()).toBe(0);
  first.enable();
  expect(await send()).toBe(1);
  second.enable();
  expect(await send()).toBe(1);
});

test('applications that load the client’s file, or the class, without the package', () => {
  const base = createRequire(__filename)('twilio/lib/base/BaseTwilio.js') as Any;
  expect(String(base.Client.prototype.request)).toContain('watchOf');
  expect(first.instrumentClass(class {})).toBe(false);
  expect(error.mock.calls[0]?.[0]).toContain('instrumentClass');
  expect(first.instrumentClass(createRequire(__filename)('twilio').Twilio)).toBe(true);
});

test.each(['twilio', 'twilio/lib/rest/Twilio.js', 'twilio/lib/base/BaseTwilio.js'])('an import of %s', (specifier) => {
  const script = `import t from '${specifier}';
    const client = t.Twilio ?? t.default ?? t.Client ?? t;
    console.log(String(client.prototype.request).includes('watchOf'));
    process.exit(0);`;
  const register = join(__dirname, '..', '..', 'dist', 'register.js');
  const args = ['--require', register, '--input-type=module', '--eval', script];
  const env = { ...process.env, CLIENT_COST_SPOOL_DIR: join(folder, 'spool') };
  const printed = execFileSync(process.execPath, args, { cwd: __dirname, encoding: 'utf8', env });
  expect(printed.trim()).toBe('true');
});
