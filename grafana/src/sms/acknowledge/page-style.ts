import { createHash } from 'node:crypto';

/** Of the page behind a link: readable on a phone at night, no resource from elsewhere. */
export const STYLE = `
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #fff; --text: #1c2127; --soft: #5b6570; --line: #dde1e6; --red: #c4162a; --amber: #a35a00; --green: #1a7f37; --act: #1f60c4; }
@media (prefers-color-scheme: dark) { :root { --bg: #111217; --card: #1b1d23; --text: #e3e5e8; --soft: #9aa3ad; --line: #33373e; --red: #ff7383; --amber: #ffb357; --green: #6ccf8e; --act: #3d71d9; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 24px 16px; background: var(--bg); color: var(--text); font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 460px; margin: 0 auto; }
h1 { margin: 0 0 16px; font-size: 20px; }
.alert { padding: 16px; margin: 0 0 12px; background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--amber); border-radius: 8px; overflow-wrap: anywhere; }
.critical { border-left-color: var(--red); }
.alert h2 { margin: 0 0 4px; font-size: 17px; }
.severity { float: right; margin-left: 8px; font-size: 13px; font-weight: 600; color: var(--amber); }
.critical .severity { color: var(--red); }
.alert p { margin: 0 0 8px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 16px; margin: 0; font-size: 14px; }
dt { color: var(--soft); }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
.done { color: var(--green); font-weight: 600; }
.problem { color: var(--red); font-weight: 600; }
form { margin-top: 20px; }
label { display: block; margin-bottom: 4px; font-size: 14px; color: var(--soft); }
input { width: 100%; padding: 10px 12px; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
button { width: 100%; margin-top: 12px; padding: 12px; font: inherit; font-weight: 600; color: #fff; background: var(--act); border: 0; border-radius: 6px; cursor: pointer; }
input:focus-visible, button:focus-visible { outline: 2px solid var(--act); outline-offset: 2px; }
small { display: block; margin-top: 12px; color: var(--soft); }
`;

/** Headers of every answer to a link: nothing is loaded, framed, kept, indexed, or told to another site. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex, nofollow',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};
