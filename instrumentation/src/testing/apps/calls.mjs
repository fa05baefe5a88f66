// The same as an ESM application.
import { withClient } from '@client-cost/instrumentation';
import OpenAI from 'openai';

const openai = new OpenAI({ apiKey: 'test', maxRetries: 0 });
for (const client of process.argv.slice(2)) {
  const call = () =>
    openai.chat.completions.create({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'hello' }] });
  const answer = await withClient(client, call);
  console.log(answer.choices[0].message.content);
}
