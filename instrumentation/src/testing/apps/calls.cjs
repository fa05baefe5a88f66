// A CommonJS application: one call per client named on the command line, then it returns.
const { OpenAI } = require('openai');
const { withClient } = require('@client-cost/instrumentation');

async function main() {
  const openai = new OpenAI({ apiKey: 'test', maxRetries: 0 });
  for (const client of process.argv.slice(2)) {
    const call = () =>
      openai.chat.completions.create({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'hello' }] });
    const answer = await withClient(client, call);
    console.log(answer.choices[0].message.content);
  }
}

main();
