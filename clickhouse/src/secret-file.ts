import { readFileSync } from 'node:fs';

/**
 * The secret of a file, as Docker and Kubernetes mount them; its last line break is not part of it.
 *
 * @param name the variable that names the file, for the message
 * @throws Error whose message names variable and file, never the content: unreadable, empty, or of several lines
 */
export function readSecretFile(name: string, file: string): string {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(`${name} ${file}: ${(error as Error).message}`);
  }
  if (secret === '') throw new Error(`${name} ${file} is empty`);
  // A key pair, a .env file, a file of the wrong secret: none of them is a password, and each would be refused far from here.
  if (/[\r\n]/.test(secret)) throw new Error(`${name} ${file} has several lines: expected the secret alone`);
  return secret;
}

/**
 * The environment in which each of `names` may also come from the file of `NAME_FILE`. A file is read when its secret is asked for, so that
 * one that is missing is trouble only for what needs it; what a child process inherits has no secret that was in a file.
 *
 * @param fail makes the error for a file that cannot be used
 */
export function withSecretFiles(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
  fail: (message: string) => Error,
): NodeJS.ProcessEnv {
  const result: NodeJS.ProcessEnv = { ...env };
  for (const name of names) {
    const file = env[`${name}_FILE`];
    if (!file || env[name]) continue;
    delete result[name];
    const get = (): string => {
      try {
        return readSecretFile(`${name}_FILE`, file);
      } catch (error) {
        throw fail((error as Error).message);
      }
    };
    Object.defineProperty(result, name, { get, enumerable: false });
  }
  return result;
}
