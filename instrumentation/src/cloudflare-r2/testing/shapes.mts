/*
 * Every way to use an S3 client that the AWS SDK has, as one script that prints what the caller sees. It runs with and without the
 * instrumentation, on any minor; what an SDK does not have is printed as missing in both.
 */
import { CLIENT_SHAPES } from './shapes-clients.mts';
import { OBJECT_SHAPES } from './shapes-objects.mts';
import { UPLOAD_SHAPES } from './shapes-uploads.mts';
import { type Any, failure, type Shape, settings } from './world.mts';

export { failing, KEYS } from './world.mts';

export const SHAPES: Readonly<Record<string, Shape>> = { ...OBJECT_SHAPES, ...UPLOAD_SHAPES, ...CLIENT_SHAPES };

/** Runs one shape, or all in order, against a stand-in. */
export async function runShapes(lib: Any, url: string, only?: string): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  const client = (options: object = {}) => new lib.S3Client({ ...settings(url), ...options });
  for (const [name, shape] of Object.entries(SHAPES)) {
    if (only !== undefined && name !== only) continue;
    const result = await failure(() => shape({ lib, url, client }));
    results[name] = JSON.parse(JSON.stringify(result) ?? 'null');
  }
  return results;
}
