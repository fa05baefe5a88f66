import { DiagLogLevel, diag } from '@opentelemetry/api';

/** Every message that goes through `diag` from now on, at any level; until `diag.disable()`. */
export function heardMessages(): string[] {
  const messages: string[] = [];
  const take = (message: string) => void messages.push(message);
  diag.setLogger(
    { error: take, warn: take, info: take, debug: take, verbose: take },
    { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true },
  );
  messages.length = 0;
  return messages;
}
