// What both applications do; each gets openai and client-cost through its own module system.
module.exports = async function calls({ OpenAI, withClient, usageContext, recordUsage }) {
  const openai = new OpenAI({ maxRetries: 0 });
  const scripted = (usage) => ({ headers: { 'x-stand-in': JSON.stringify({ usage, serviceTier: 'default' }) } });
  const messages = [{ role: 'user', content: 'SECRET PROMPT' }];

  const scope = {
    leadId: 'lead-1',
    messageId: 'message-2',
    flowExecutionId: 'flow-3',
    metadata: { campaign: 'spring "sale"' },
  };
  const answer = await withClient('acme', () =>
    usageContext(scope, () =>
      openai.chat.completions.create(
        { model: 'gpt-4o-mini', messages },
        scripted({ input: 1000, cached: 400, output: 200, reasoning: 50 }),
      ),
    ),
  );

  await withClient('globex', async () => {
    const stream = await openai.chat.completions.create(
      { model: 'gpt-4o', messages, stream: true },
      scripted({ input: 30, output: 7 }),
    );
    for await (const _ of stream);
    await openai.responses.create({ model: 'gpt-4o-mini', input: 'SECRET PROMPT' }, scripted({ input: 11, output: 5 }));
  });

  // Nobody's.
  await openai.embeddings.create({ model: 'text-embedding-3-small', input: 'SECRET PROMPT' }, scripted({ input: 500 }));

  const refused = await withClient('acme', () =>
    openai
      .withOptions({ apiKey: 'sk-wrong' })
      .chat.completions.create({ model: 'gpt-4o-mini', messages })
      .catch((error) => error),
  );
  if (refused.status !== 401) throw new Error(`Expected a 401, got ${refused}`);

  withClient('acme', () =>
    recordUsage({
      service: 'twilio_sms',
      operation: 'send_sms',
      quantity: '3',
      unit: 'segment',
      cost: '0.0237',
      externalId: 'SM1',
    }),
  );
  console.log(JSON.stringify({ chatId: answer.id }));
};
