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
