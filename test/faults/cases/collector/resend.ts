import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cleanEnv } from '../../support/caller.ts';

const command = join(
  createRequire(import.meta.url).resolve('../../../../exporter/package.json'),
  '..',
  'bin',
  'client-cost-spool.cjs',
);

/** `client-cost-spool resend`, as an operator runs it. Throws with its words when it did not do all. */
export async function resend(spoolDir: string, since: number, env: Readonly<Record<string, string>>): Promise<string> {
  const args = [command, 'resend', '--since', new Date(since).toISOString(), '--dir', spoolDir];
  const child = spawn(process.execPath, args, { env: cleanEnv(env), stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said += part));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`client-cost-spool resend ended with ${code}: ${said}`);
  return said.trim();
}
