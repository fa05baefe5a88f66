/**
 * Names what failed in a run of the tests: a log of an hour is often read from its end alone.
 *
 *     node scripts/ci-failures.ts report.json
 *
 * Reads the report of vitest's JSON reporter; prints a failed file or test with the first lines of its message.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

interface Report {
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

const lines = (text: string): string => text.split('\n').slice(0, 12).join('\n  ').slice(0, 2000);

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('name the report: node scripts/ci-failures.ts report.json');
const report = JSON.parse(readFileSync(path, 'utf8')) as Report;
let named = 0;
for (const file of report.testResults) {
  const name = relative(process.cwd(), file.name);
  const failed = file.assertionResults.filter((test) => test.status === 'failed');
  if (file.status === 'failed' && failed.length === 0) {
    named++;
    console.log(`FAILED ${name}\n  ${lines(file.message)}`);
  }
  for (const test of failed) {
    named++;
    console.log(`FAILED ${name} > ${test.fullName}\n  ${lines(test.failureMessages.join('\n'))}`);
  }
}
if (named === 0) console.log('no test failed: an error outside of every test failed the run');
