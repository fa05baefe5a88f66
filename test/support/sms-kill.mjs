// Loaded into the SMS service by test/e2e/sms-crash.test.ts (`node --import`): kills the process at a commit, and makes its clock run faster.
//   SMS_KILL_AT       `before:3` or `after:3`: at the third commit that writes to the outbox (the lease of the sender does not count)
//   SMS_CLOCK         `base/speed`: Date.now() is base + speed × (what passed since base)
import { DatabaseSync, StatementSync } from 'node:sqlite';

const [base, speed] = (process.env.SMS_CLOCK ?? '0/1').split('/').map(Number);
const now = Date.now;
Date.now = () => base + Math.round((now() - base) * speed);

const [when, count] = (process.env.SMS_KILL_AT ?? 'never:0').split(':');
let commits = 0;
let wrote = false;

const { run } = StatementSync.prototype;
StatementSync.prototype.run = function (...values) {
  const sql = this.sourceSQL.trimStart();
  if (/^(INSERT|UPDATE|DELETE)/i.test(sql) && !/\blease\b/.test(sql)) wrote = true;
  return run.apply(this, values);
};

const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  if (sql.startsWith('BEGIN')) wrote = false;
  const here = sql === 'COMMIT' && wrote && ++commits === Number(count);
  if (here && when === 'before') process.kill(process.pid, 'SIGKILL');
  exec.call(this, sql);
  if (here && when === 'after') process.kill(process.pid, 'SIGKILL');
};
