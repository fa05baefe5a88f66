export { type ApiClient, type ApiClientOptions, createApiClient, type Json, type Query } from './client.ts';
export { ProviderApiError, ProviderSettingError } from './errors.ts';
export { openaiPages, type Pages, stripePages, twilioPages } from './pages.ts';
export { type ApiSettings, openaiClient, type ProviderName, stripeClient, twilioClient } from './settings.ts';
