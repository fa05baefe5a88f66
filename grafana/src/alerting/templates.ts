/**
 * Annotation templates (Go's text/template, as Grafana runs them).
 *
 * They use `.Labels` and `.Values` and not `$labels` and `$values`, so that no `$` but that of an amount stands in the file: Grafana
 * expands labels as environment variables and annotations not, or (newer versions) only `${…}`, and all of them leave `"$%.2f"` alone.
 * A value query that failed leaves its value out; then the sentence without it is said rather than an error.
 */

/** `$100.00` of a value query. */
export const usd = (refId: string): string => printf('$%.2f', refId);

/** `63`, a whole number. */
export const whole = (refId: string): string => printf('%.0f', refId);

const printf = (format: string, refId: string): string => `{{ printf "${format}" .Values.${refId}.Value }}`;

/** `text` where the value is there, `otherwise` where not. */
export const given = (refId: string, text: string, otherwise = ''): string =>
  `{{ if .Values.${refId} }}${text}${otherwise === '' ? '' : `{{ else }}${otherwise}`}{{ end }}`;

/** A decimal string with two digits, `100.00`; empty without the value. */
export const decimal = (refId: string): string => given(refId, printf('%.2f', refId));

/** A whole number, `63`; empty without the value. */
export const percent = (refId: string): string => given(refId, whole(refId));

/** The client's dashboard with the alert's month. Grafana's address ends with a slash, whatever root_url says. */
export const clientDashboard =
  '{{ if .Labels.client_id }}{{ externalURL }}d/client-cost-client?var-client={{ urlquery .Labels.client_id }}&var-month={{ .Labels.month }}{{ end }}';
