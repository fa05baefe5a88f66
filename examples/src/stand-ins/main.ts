/**
 * The OpenAI stand-in in a process of its own: `node examples/dist/stand-ins/main.js [--port n]`.
 * Prints one line of JSON, `{"url": …}`, when it listens; ends when its parent goes away (IPC) or on SIGTERM / SIGINT.
 */
import { parseArgs } from 'node:util';
import { createOpenAIStandIn } from './openai.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, host: { type: 'string', default: '127.0.0.1' } },
});
const standIn = await createOpenAIStandIn({ port: Number(values.port), host: values.host, record: false });
const end = () => void standIn.close().then(() => process.exit(0));
process.on('SIGTERM', end);
process.on('SIGINT', end);
process.on('disconnect', end);
console.log(JSON.stringify({ url: standIn.url }));
