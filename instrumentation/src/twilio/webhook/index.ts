export {
  type TwilioWebhookMiddleware,
  type TwilioWebhookOptions,
  type TwilioWebhookParams,
  twilioWebhook,
} from './middleware.ts';
