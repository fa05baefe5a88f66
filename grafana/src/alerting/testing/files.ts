import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { AlertingFile, AlertRule, RuleGroup } from '../files.ts';

const GRAFANA = join(import.meta.dirname, '..', '..', '..');

/** Paths below grafana/ of the alerting files that are committed. */
export function committedPaths(): readonly string[] {
  return ['provisioning/alerting', 'import/alerting'].flatMap((folder) =>
    readdirSync(join(GRAFANA, folder)).map((name) => `${folder}/${name}`),
  );
}

/** The text of a file below grafana/. */
export const committedText = (path: string): string => readFileSync(join(GRAFANA, path), 'utf8');

/** A file as YAML reads it; nothing is expanded yet. */
export const committed = (path: string): AlertingFile => parse(committedText(path)) as AlertingFile;

/** Every rule of a file with its group. */
export const rulesOf = (file: AlertingFile): readonly { readonly group: RuleGroup; readonly rule: AlertRule }[] =>
  (file.groups ?? []).flatMap((group) => group.rules.map((rule) => ({ group, rule })));
