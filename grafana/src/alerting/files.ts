/** The shapes of Grafana's alerting provisioning files, as far as this project writes them (schema.json says which source they were read from). */

export interface AlertingFile {
  readonly apiVersion: 1;
  readonly groups?: readonly RuleGroup[];
  readonly contactPoints?: readonly ContactPoint[];
  readonly policies?: readonly (Route & { readonly orgId: number })[];
}

export interface RuleGroup {
  readonly orgId: number;
  readonly name: string;
  readonly folder: string;
  /** How often its rules are evaluated, `5m`. */
  readonly interval: string;
  readonly rules: readonly AlertRule[];
}

/** The odd mixture of spellings is Grafana's: a key that is spelt otherwise is dropped in silence. */
export interface AlertRule {
  readonly uid: string;
  readonly title: string;
  /** refId of the expression that decides. */
  readonly condition: string;
  readonly data: readonly RuleQuery[];
  readonly dashboardUid?: string;
  readonly panelId?: number;
  readonly noDataState: 'NoData' | 'Alerting' | 'OK' | 'KeepLast';
  readonly execErrState: 'Error' | 'Alerting' | 'OK' | 'KeepLast';
  readonly for: string;
  readonly keepFiringFor?: string;
  readonly missing_series_evals_to_resolve?: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly isPaused: boolean;
  readonly notification_settings?: NotificationSettings;
}

export interface RuleQuery {
  readonly refId: string;
  readonly relativeTimeRange: { readonly from: number; readonly to: number };
  readonly datasourceUid: string;
  readonly model: SqlModel | ThresholdModel;
}

/** Of grafana-clickhouse-datasource 4; `format` 1 is a table. Neither text is `$`-expanded by the provisioning. */
export interface SqlModel {
  readonly refId: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly editorType: 'sql';
  readonly queryType: 'table';
  readonly format: 1;
  readonly rawSql: string;
  readonly intervalMs: number;
  readonly maxDataPoints: number;
}

export interface ThresholdModel {
  readonly refId: string;
  readonly datasource: { readonly type: '__expr__'; readonly uid: '__expr__' };
  readonly type: 'threshold';
  /** refId of what is compared. */
  readonly expression: string;
  readonly conditions: readonly [{ readonly evaluator: { readonly type: 'gt'; readonly params: readonly [number] } }];
}

export interface Timing {
  readonly group_by: readonly string[];
  readonly group_wait: string;
  readonly group_interval: string;
  readonly repeat_interval: string;
}

export interface NotificationSettings extends Timing {
  readonly receiver: string;
}

export interface Route extends Timing {
  readonly receiver: string;
  readonly object_matchers?: readonly (readonly [string, '=' | '!=' | '=~' | '!~', string])[];
  readonly continue?: boolean;
  readonly routes?: readonly Route[];
}

export interface ContactPoint {
  readonly orgId: number;
  readonly name: string;
  readonly receivers: readonly {
    readonly uid: string;
    readonly type: 'webhook';
    readonly disableResolveMessage: boolean;
    readonly settings: {
      readonly url: string;
      readonly httpMethod: 'POST';
      readonly maxAlerts: number;
      readonly hmacConfig: { readonly secret: string; readonly header: string; readonly timestampHeader: string };
    };
  }[];
}
