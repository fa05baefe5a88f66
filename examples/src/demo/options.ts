import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly keep: boolean;
  readonly live: boolean;
}

export const HELP = `npm run demo [-- options]

Starts the whole pipeline on this machine, plays the traffic of four clients through the example service and prints what each of
them costs; then one client's costs rise, an alert fires, and the person on call is texted and answers (Twilio is played here). Checks
its own result to the last digit, ends by itself and leaves nothing behind.

  --keep   stay up after the report and print the addresses; Ctrl+C ends it and removes its data
  --live   call the real OpenAI API with OPENAI_API_KEY instead of the local stand-in: 12 short calls,
           at most 0.02 USD in all; without the alert
  --help   this text

Exit code: 0 when the bill is exactly what the provider's answers cost, 1 when not or when something failed, 2 for a wrong option.`;

/** Reads the command line; throws an Error whose message says what is wrong. */
export function readOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keep: { type: 'boolean', default: false },
      live: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  if (values.help) return 'help';
  if (values.live && !process.env.OPENAI_API_KEY) throw new Error('--live needs OPENAI_API_KEY in the environment.');
  return { keep: values.keep, live: values.live };
}
