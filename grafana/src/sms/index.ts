export type { Clock, Contact, OnCall, QuietHours, Route, Severity, SmsConfig, SmsDeps, SmsLog } from './types.ts';
