const { OpenAI } = require('openai');
const { recordUsage, usageContext, withClient } = require('@client-cost/instrumentation');

require('./calls.cjs')({ OpenAI, withClient, usageContext, recordUsage });
