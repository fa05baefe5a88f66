import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dashboards } from './index.ts';

const root = join(import.meta.dirname, '..', '..');

describe('committed dashboards', () => {
  it('are those of their source; otherwise: npm run grafana:generate', () => {
    const committed = Object.fromEntries(
      readdirSync(join(root, 'dashboards')).map((file) => [
        `dashboards/${file}`,
        readFileSync(join(root, 'dashboards', file), 'utf8'),
      ]),
    );
    expect(committed).toEqual(dashboards());
  });

  it('come out the same every time', () => {
    expect(dashboards()).toEqual(dashboards());
  });
});
