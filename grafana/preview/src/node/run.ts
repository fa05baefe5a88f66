import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { build } from 'vite';
import type { Picture } from '../types.ts';
import { launch, openPicture, type Theme } from './browser.ts';
import { problemsOf } from './check.ts';
import { findChromium } from './chromium.ts';
import { collectAll } from './dashboards.ts';
import { startLedger } from './ledger.ts';
import { startServer } from './server.ts';

const preview = join(import.meta.dirname, '..', '..');
const images = join(preview, '..', '..', 'docs', 'images');

interface Shot {
  readonly picture: string;
  readonly theme: Theme;
  readonly width: number;
}

/** What is in docs/images: `<dashboard>-<state>-<theme>-<width>.png`. */
const SHOTS: readonly Shot[] = [
  ...['overview', 'client', 'pipeline'].flatMap((name) =>
    (['dark', 'light'] as const).map((theme) => ({ picture: `${name}-data`, theme, width: 1280 })),
  ),
  { picture: 'overview-data', theme: 'dark', width: 1920 },
  { picture: 'client-data', theme: 'light', width: 1920 },
  { picture: 'overview-empty', theme: 'dark', width: 1280 },
  { picture: 'client-empty', theme: 'light', width: 1280 },
  { picture: 'overview-error', theme: 'light', width: 1280 },
  { picture: 'client-error', theme: 'dark', width: 1280 },
];

/** What the check looks at besides: everything at both widths. */
const CHECKED: readonly Shot[] = ['overview', 'client', 'pipeline'].flatMap((name) => [
  ...(['data', 'empty', 'error'] as const).map((state) => ({
    picture: `${name}-${state}`,
    theme: 'dark' as const,
    width: 1280,
  })),
  { picture: `${name}-data`, theme: 'light' as const, width: 1920 },
]);

// A half year for the pictures; for the check the two months that panels look at.
const DAYS = 190;
const DAYS_TO_CHECK = 65;

async function collectPictures(days: number): Promise<Map<string, Picture>> {
  const ledger = await startLedger();
  try {
    // Without data first: the same ledger is filled afterwards.
    const empty = await collectAll(ledger, 'empty');
    await ledger.seed(days);
    return new Map([...empty, ...(await collectAll(ledger, 'data')), ...(await collectAll(ledger, 'error'))]);
  } finally {
    await ledger.stop();
  }
}

/** 256 colours without a dithered background: a third of the size, and no difference that one sees. */
const compress = (png: Buffer): Promise<Buffer> =>
  sharp(png).png({ palette: true, quality: 90, effort: 10, dither: 0, compressionLevel: 9 }).toBuffer();

/** Grafana says a failed query's message when one points at the panel's mark: the first one of a picture is pointed at. */
async function showFirstError(page: Page): Promise<void> {
  const mark = page.getByTestId('data-testid Panel status error').first();
  if ((await mark.count()) === 0) return;
  await mark.hover();
  await page.waitForTimeout(700);
}

/**
 * Draws the committed dashboards into docs/images; with `--check` only looks whether they can be drawn well.
 *
 * @returns the exit code: 1 when a picture has a problem
 */
export async function run(): Promise<number> {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, keep: { type: 'string' } } });
  findChromium();
  const begun = Date.now();
  const say = (line: string) => console.log(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${line}`);

  await build({ root: preview, configFile: join(preview, 'vite.config.ts'), logLevel: 'error' });
  say('page built');
  const pictures = await collectPictures(values.check === true ? DAYS_TO_CHECK : DAYS);
  if (values.keep !== undefined) {
    for (const [name, picture] of pictures) writeFileSync(join(values.keep, `${name}.json`), JSON.stringify(picture));
  }
  say(`queries of ${pictures.size} pictures answered`);

  const server = await startServer(pictures);
  const browser = await launch();
  const problems: string[] = [];
  let bytes = 0;
  try {
    if (values.check !== true) {
      mkdirSync(images, { recursive: true });
      for (const file of readdirSync(images)) {
        if (/-(dark|light)-\d+\.png$/.test(file)) rmSync(join(images, file));
      }
    }
    for (const { picture, theme, width } of values.check === true ? CHECKED : SHOTS) {
      const data = pictures.get(picture);
      if (data === undefined) continue;
      const name = `${picture}-${theme}-${width}`;
      const open = await openPicture(browser, server.url, picture, theme, width);
      problems.push(
        ...open.problems.map((problem) => `${name}: ${problem}`),
        ...(await problemsOf(open.page, name, data, width)),
      );
      if (values.check !== true) {
        await showFirstError(open.page);
        const path = join(images, `${name}.png`);
        writeFileSync(path, await compress(await open.page.screenshot()));
        bytes += statSync(path).size;
        say(relative(process.cwd(), path));
      } else {
        say(name);
      }
      await open.close();
    }
  } finally {
    await browser.close();
    await server.stop();
  }
  for (const problem of problems) console.error(problem);
  say(problems.length === 0 ? 'nothing is wrong' : `${problems.length} problems`);
  if (bytes > 0) say(`${(bytes / 1_000_000).toFixed(2)} MB of pictures`);
  return problems.length === 0 ? 0 : 1;
}
