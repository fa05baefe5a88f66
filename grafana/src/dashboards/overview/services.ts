/** Columns of monthly_summary and usage_client_days, as people call the services, each with a colour of its own; red is for what is wrong. */
export const SERVICES = [
  { column: 'openai_cost', title: 'OpenAI', color: 'blue' },
  { column: 'twilio_sms_cost', title: 'SMS', color: 'green' },
  { column: 'twilio_voice_cost', title: 'Voice', color: 'yellow' },
  { column: 'twilio_phone_cost', title: 'Numbers', color: 'orange' },
  { column: 'stripe_cost', title: 'Stripe', color: 'purple' },
  { column: 'google_places_cost', title: 'Places', color: 'light-blue' },
  { column: 'storage_cost', title: 'Storage', color: 'dark-purple' },
  { column: 'other_cost', title: 'Other', color: 'text' },
] as const;
