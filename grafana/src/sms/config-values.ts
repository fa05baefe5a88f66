import { readFileSync } from 'node:fs';

export type SmsEnv = Readonly<Record<string, string | undefined>>;

/** Settings that cannot be used: all of them at once, each with its name, its value (masked) and the way out. */
export class SmsConfigError extends Error {
  override readonly name = 'SmsConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The SMS service cannot start:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** A number as it may be shown: country and the last two digits, `+14•••••••34`. */
export function maskPhone(phone: string): string {
  const text = phone.trim();
  if (text.length <= 6) return '•'.repeat(text.length);
  return `${text.slice(0, 3)}${'•'.repeat(text.length - 5)}${text.slice(-2)}`;
}

/** Reads values one by one and collects what is wrong with them. */
export class Settings {
  readonly problems: string[] = [];
  readonly #env: SmsEnv;

  constructor(env: SmsEnv) {
    this.#env = env;
  }

  /** The value without surrounding blanks; an empty one counts as unset. */
  text(name: string): string | undefined {
    const value = this.#env[name]?.trim();
    return value === '' ? undefined : value;
  }

  /** A value that may also be in a file, named by `{name}_FILE`. */
  secret(name: string): string | undefined {
    const value = this.text(name);
    const file = this.text(`${name}_FILE`);
    if (file === undefined) return value;
    if (value !== undefined) {
      this.problems.push(`${name} and ${name}_FILE are both set: leave one of them out`);
      return value;
    }
    try {
      const read = readFileSync(file, 'utf8').trim();
      if (read !== '') return read;
      this.problems.push(`${name}_FILE ${file}: the file is empty`);
    } catch (error) {
      const why =
        (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
      this.problems.push(`${name}_FILE ${file}: ${why}`);
    }
    return undefined;
  }

  /** A number within `min` and `max`, in plain decimal digits. */
  number(name: string, fallback: number, min: number, max: number, { whole = true } = {}): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= max && !(whole && text.includes('.'))) return value;
    this.problems.push(
      `${name}=${text}: expected ${whole ? 'a whole number' : 'a number'} from ${min} to ${max} (unset: ${fallback})`,
    );
    return fallback;
  }

  /** An http(s) URL without user, query and fragment; without a final slash. */
  url(name: string, example: string): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const shown = /[@?#]/.test(text) ? '(with a user, password or query)' : text;
    if (url === undefined || !/^https?:$/.test(url.protocol)) {
      this.problems.push(`${name}=${shown}: expected a URL like ${example}`);
    } else if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      this.problems.push(`${name}=${shown}: leave user, password, query and fragment out, as in ${example}`);
    } else return text.replace(/\/+$/, '');
    return undefined;
  }
}
