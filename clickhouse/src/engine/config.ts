import { mkdirSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { EngineUser } from './types.ts';

const MIB = 1024 * 1024;

/** The role that holds what a user may do; the engine enforces it. */
export function roleOf(user: EngineUser): string {
  if (user.allowedDatabases === undefined && user.grants === undefined)
    return user.readonly === true ? 'client_cost_reader' : 'client_cost_admin';
  return `client_cost_user_${Buffer.from(user.name).toString('hex')}`;
}

/** Default memory limit: 1.5 GiB, on a small machine 70 % of it. */
export function defaultMemory(): number {
  return Math.floor(Math.min(1536 * MIB, totalmem() * 0.7));
}

/**
 * Writes the engine's configuration and returns its path. Caches and pools are sized for a two-core machine: ClickHouse's
 * defaults (5 GiB mark cache and more) are for a server that has the machine to itself.
 */
export function writeConfig(directory: string, maxMemoryBytes: number, users: readonly EngineUser[]): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const usersPath = join(directory, 'users.xml');
  const configPath = join(directory, 'config.xml');
  const cache = Math.max(16 * MIB, Math.floor(maxMemoryBytes / 24));
  writeFileSync(usersPath, usersXml(users), { mode: 0o600 });
  writeFileSync(
    configPath,
    `<clickhouse>
  <logger><level>fatal</level></logger>
${users.some(({ grants }) => grants !== undefined) ? STRICT : ''}  <users_config>${escapeXml(usersPath)}</users_config>
  <max_server_memory_usage>${maxMemoryBytes}</max_server_memory_usage>
  <mark_cache_size>${cache}</mark_cache_size>
  <primary_index_cache_size>${cache}</primary_index_cache_size>
  <index_mark_cache_size>${Math.floor(cache / 4)}</index_mark_cache_size>
  <query_condition_cache_size>${Math.floor(cache / 4)}</query_condition_cache_size>
  <vector_similarity_index_cache_size>${MIB}</vector_similarity_index_cache_size>
  <text_index_tokens_cache_size>${MIB}</text_index_tokens_cache_size>
  <text_index_header_cache_size>${MIB}</text_index_header_cache_size>
  <text_index_postings_cache_size>${MIB}</text_index_postings_cache_size>
  <compiled_expression_cache_size>${16 * MIB}</compiled_expression_cache_size>
  <parquet_metadata_cache_size>${MIB}</parquet_metadata_cache_size>
  <iceberg_metadata_files_cache_size>${MIB}</iceberg_metadata_files_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <merge_tree><number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation></merge_tree>
</clickhouse>
`,
    { mode: 0o600 },
  );
  return configPath;
}

// As the packages of a server have it: system tables need a grant, too.
const STRICT = `  <access_control_improvements>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>
  </access_control_improvements>
`;

// What an administrator may do: all but reading and writing files and other hosts from SQL (a server confines those too).
const ADMIN =
  'SHOW, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, KILL QUERY, SYSTEM, dictGet, INTROSPECTION, ' +
  'TABLE ENGINE, SET DEFINER';
const READ = 'SHOW, SELECT, dictGet';
// CREATE TABLE brings CREATE VIEW with it; checkStatement takes that away again.
const CONFINED = 'SHOW, SELECT, INSERT, ALTER TABLE, CREATE TABLE, DROP TABLE, TRUNCATE, OPTIMIZE, dictGet';

function usersXml(users: readonly EngineUser[]): string {
  const roles = new Map<string, string[]>([
    ['client_cost_admin', [`GRANT ${ADMIN} ON *.*`]],
    ['client_cost_reader', [`GRANT ${READ} ON *.*`]],
  ]);
  for (const user of users) {
    if (user.grants !== undefined) {
      // A role without any right has none of these.
      roles.set(
        roleOf(user),
        user.grants.map((right) => `GRANT ${right}`),
      );
      continue;
    }
    if (user.allowedDatabases === undefined) continue;
    const rights = user.readonly === true ? READ : CONFINED;
    const grants = user.allowedDatabases.map((name) => `GRANT ${rights} ON ${sqlName(name)}.*`);
    if (user.readonly !== true) grants.push('GRANT TABLE ENGINE ON *');
    roles.set(roleOf(user), grants);
  }
  const roleXml = [...roles].map(
    ([name, grants]) =>
      `    <${name}><grants>${grants.map((grant) => `<query>${escapeXml(grant)}</query>`).join('')}</grants></${name}>`,
  );
  return `<clickhouse>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
  <roles>
${roleXml.join('\n')}
  </roles>
  <users>
    <default>
      <password></password>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT ${[...roles.keys()].join(', ')}</query></grants>
    </default>
  </users>
</clickhouse>
`;
}

function sqlName(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
