import { type Browser, chromium, type Page } from 'playwright-core';
import { findChromium } from './chromium.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--font-render-hinting=none',
];

export type Theme = 'light' | 'dark';

export interface OpenPage {
  readonly page: Page;
  /** What the page said as an error, threw, or asked of another host. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

/** A browser with a profile of its own, which is removed when it ends. */
export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: findChromium(), headless: true, args: FLAGS });

/** Opens a picture and waits until everything is drawn. The page can reach nothing but the server it came from. */
export async function openPicture(
  browser: Browser,
  server: string,
  picture: string,
  theme: Theme,
  width: number,
): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    locale: 'en-US',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const problems: string[] = [];
  await context.route('**/*', (route) => {
    const url = route.request().url();
    if (url.startsWith(`${server}/`) || url.startsWith('data:') || url.startsWith('blob:')) return route.continue();
    problems.push(`The page asked for ${url}`);
    return route.abort();
  });
  page.on('pageerror', (error) => problems.push(`The page threw: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} for ${response.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`The console says: ${message.text()}`);
  });
  await page.goto(`${server}/?picture=${picture}&theme=${theme}`);
  await page.waitForSelector('body[data-drawn], body[data-failed]', { state: 'attached', timeout: 60_000 });
  const failed = await page.getAttribute('body', 'data-failed');
  if (failed !== null) problems.push(`The page failed: ${failed}`);
  // Charts draw on the next frames, icons are fetched: quiet for a moment means done.
  await page.waitForLoadState('networkidle');
  const height = await page.evaluate('document.documentElement.scrollHeight');
  await page.setViewportSize({ width, height: Number(height) });
  await page.waitForTimeout(300);
  return { page, problems, close: () => context.close() };
}
