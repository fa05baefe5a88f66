export { AcknowledgeError, type AcknowledgeOutcome, acknowledgeAlert } from './acknowledge.ts';
export { type Evaluation, evaluateAlerts } from './check.ts';
export { type Delivery, type DeliveryOptions, deliver } from './deliver.ts';
export { getActiveAlerts, getRecordedAlerts, type RecordedAlert } from './recorded.ts';
export { AlertSettingError, webhookSecret, webhookUrls } from './settings.ts';
export {
  type AlertSeverity,
  alertKey,
  type ClientAlertState,
  type ClientAlertType,
  getClientAlertStates,
  getPipelineAlertStates,
  type PipelineAlertState,
  type PipelineAlertType,
} from './states.ts';
export {
  type AlertRoute,
  CHECK_RECEIVER,
  SIGNATURE_HEADER,
  signatureHeaders,
  TIMESTAMP_HEADER,
  type WebhookAlert,
  webhookBody,
} from './webhook.ts';
