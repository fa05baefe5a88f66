/** Columns of monthly_summary and usage_client_days, as people call the services, with a colour that each keeps on every chart. */
export const SERVICES = [
  { column: 'openai_cost', title: 'OpenAI', color: 'blue' },
  { column: 'twilio_sms_cost', title: 'SMS', color: 'red' },
  { column: 'twilio_voice_cost', title: 'Voice', color: 'orange' },
  { column: 'twilio_phone_cost', title: 'Numbers', color: 'yellow' },
  { column: 'stripe_cost', title: 'Stripe', color: 'purple' },
  { column: 'google_places_cost', title: 'Places', color: 'green' },
  { column: 'storage_cost', title: 'Storage', color: 'super-light-orange' },
  { column: 'other_cost', title: 'Other', color: 'text' },
] as const;
