import type { GridPos } from '@grafana/grafana-foundation-sdk/dashboard';

const COLUMNS = 24;

export interface OnGrid {
  readonly name: string;
  readonly at: GridPos;
}

/**
 * What is wrong with places on Grafana's grid: out of its 24 columns, over each other, or above a hole, which Grafana closes by moving the panel up, so that
 * the page looks otherwise than its source says.
 */
export function gridProblems(panels: readonly OnGrid[]): string[] {
  const problems: string[] = [];
  for (const { name, at } of panels) {
    const { x, y, w, h } = at;
    if (![x, y, w, h].every(Number.isInteger) || x < 0 || y < 0 || w < 1 || h < 2) {
      problems.push(`${name}: x ${x}, y ${y}, width ${w}, height ${h} is no place`);
    }
    if (x + w > COLUMNS) problems.push(`${name}: columns ${x} to ${x + w - 1}, the last one is ${COLUMNS - 1}`);
    if (
      y > 0 &&
      !panels.some((other) => other.at !== at && columnsMeet(other.at, at) && other.at.y + other.at.h === y)
    ) {
      problems.push(`${name}: nothing ends where it begins (y ${y}), so Grafana moves it up`);
    }
  }
  panels.forEach((one, index) => {
    for (const other of panels.slice(index + 1)) {
      if (columnsMeet(one.at, other.at) && one.at.y < other.at.y + other.at.h && other.at.y < one.at.y + one.at.h) {
        problems.push(`${one.name} and ${other.name} lie over each other`);
      }
    }
  });
  return problems;
}

const columnsMeet = (a: GridPos, b: GridPos): boolean => a.x < b.x + b.w && b.x < a.x + a.w;
