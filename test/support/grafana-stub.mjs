// Stands in for Grafana, which no machine of these tests has: writes down how it was called and answers what is asked of a
// Grafana that has just started. It reads no provisioning and knows no dashboards.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { env } = process;
writeFileSync(env.STUB_RECORD, JSON.stringify({ args: process.argv.slice(2), env, pid: process.pid }));
if (env.STUB_FAILS !== undefined) {
  process.stdout.write(`${JSON.stringify({ level: 'error', logger: 'plugins', msg: env.STUB_FAILS })}\n`);
  process.exit(1);
}
const admin = env.STUB_ADMIN_PASSWORD ?? env.GF_SECURITY_ADMIN_PASSWORD;
const begun = Date.now();
createServer((request, response) => {
  const login = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
  if (request.url === '/api/health') response.writeHead(Date.now() - begun < 300 ? 503 : 200).end('{"database":"ok"}');
  else if (login !== `admin:${admin}`) response.writeHead(401).end();
  else response.writeHead(env.STUB_NO_PLUGIN === undefined ? 200 : 404).end();
}).listen(Number(env.GF_SERVER_HTTP_PORT), env.GF_SERVER_HTTP_ADDR);
process.on('SIGTERM', () => process.exit(0));
