/** Names of the GenAI conventions, of services and of hosts → provider ids of the price library. */
const ALIASES: Readonly<Record<string, string>> = {
  'azure.ai.openai': 'azure',
  'azure.ai.inference': 'azure',
  azure_openai: 'azure',
  'aws.bedrock': 'aws',
  aws_bedrock: 'aws',
  'gcp.gemini': 'google',
  'gcp.gen_ai': 'google',
  'gcp.vertex_ai': 'google',
  gemini: 'google',
  vertex_ai: 'google',
  fireworks_ai: 'fireworks',
  'fireworks-ai': 'fireworks',
  mistral_ai: 'mistral',
  mistralai: 'mistral',
  moonshot_ai: 'moonshotai',
  moonshot: 'moonshotai',
  together_ai: 'together',
  'together-ai': 'together',
  togetherai: 'together',
  x_ai: 'x-ai',
  xai: 'x-ai',
};

/** The price library's id of a provider given in lower case; an unknown name is its own id. */
export function providerId(name: string): string {
  return Object.hasOwn(ALIASES, name) ? (ALIASES[name] ?? name) : name;
}
