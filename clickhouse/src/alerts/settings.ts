import { readFileSync } from 'node:fs';
import { shownUrl } from '../shown-url.ts';

/** A setting of the check that is missing or cannot be used; the message names it and the way out. */
export class AlertSettingError extends Error {
  override readonly name = 'AlertSettingError';
}

const DEFAULT_URL = 'http://127.0.0.1:8085/webhooks/grafana';

/**
 * Where clients' alerts are posted (CLIENT_COST_ALERT_WEBHOOK_URL); the pipeline's go to the same with `/operations` behind it.
 *
 * @throws AlertSettingError
 */
export function webhookUrls(env: NodeJS.ProcessEnv): { readonly clients: string; readonly operations: string } {
  const given = env.CLIENT_COST_ALERT_WEBHOOK_URL || DEFAULT_URL;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new AlertSettingError(
      `CLIENT_COST_ALERT_WEBHOOK_URL ${JSON.stringify(shownUrl(given))}: expected the SMS service's address, like ${DEFAULT_URL}`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new AlertSettingError(
      'CLIENT_COST_ALERT_WEBHOOK_URL holds a user or password: the webhook is signed with CLIENT_COST_ALERT_WEBHOOK_SECRET instead',
    );
  }
  const path = url.pathname.replace(/\/+$/, '');
  const at = (pathname: string): string => Object.assign(new URL(url), { pathname }).href;
  return { clients: at(path === '' ? '/' : path), operations: at(`${path}/operations`) };
}

/**
 * The secret that signs the webhook: CLIENT_COST_ALERT_WEBHOOK_SECRET, or what the file of CLIENT_COST_ALERT_WEBHOOK_SECRET_FILE holds.
 *
 * @throws AlertSettingError
 */
export function webhookSecret(env: NodeJS.ProcessEnv): string {
  const name = 'CLIENT_COST_ALERT_WEBHOOK_SECRET';
  const { [name]: given, [`${name}_FILE`]: file } = env;
  let secret = given ?? '';
  if (secret === '' && file) {
    try {
      secret = readFileSync(file, 'utf8').trim();
    } catch (error) {
      throw new AlertSettingError(`${name}_FILE ${file}: ${(error as Error).message}`);
    }
    if (secret === '') throw new AlertSettingError(`${name}_FILE ${file} is empty: expected the SMS service's secret`);
  }
  if (secret === '') {
    throw new AlertSettingError(
      `${name} is not set: give the secret that the SMS service has (or ${name}_FILE). "--dry-run" needs none`,
    );
  }
  return secret;
}
