export { acknowledgeUrl } from './acknowledge/token.ts';
export { readSmsConfig, SmsConfigError } from './config.ts';
export { type SmsService, type StartOptions, startSmsService } from './server/start.ts';
export type { Clock, Contact, OnCall, QuietHours, Route, Severity, SmsConfig, SmsDeps, SmsLog } from './types.ts';
