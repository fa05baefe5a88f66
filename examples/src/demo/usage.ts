import type { StandInRequest, StandInUsage } from '../stand-ins/index.ts';

/**
 * Token counts as a business's prompts have them: a long system prompt, partly cached, and the client's own text. Depends on the
 * request's text alone.
 */
export function businessUsage({ body }: StandInRequest): StandInUsage {
  const text = JSON.stringify(body?.messages ?? body?.input ?? '');
  let seed = 0;
  for (let i = 0; i < text.length; i += 1) seed = (seed * 31 + text.charCodeAt(i)) >>> 0;
  const input = 900 + Math.ceil(text.length / 4) + (seed % 1500);
  if (body?.messages === undefined && body?.instructions === undefined && !('max_output_tokens' in (body ?? {}))) {
    return { input: Math.ceil(text.length / 4) }; // embeddings
  }
  return { input, cached: seed % 3 === 0 ? 512 : 0, output: 60 + (seed % 180) };
}
