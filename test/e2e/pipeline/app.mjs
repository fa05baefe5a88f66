import { recordUsage, usageContext, withClient } from '@client-cost/instrumentation';
import { OpenAI } from 'openai';
import calls from './calls.cjs';

await calls({ OpenAI, withClient, usageContext, recordUsage });
