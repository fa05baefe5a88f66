import type { GridPos, PanelJson } from '../types.ts';

// Grafana's grid: 24 columns, rows of 30 px, 8 px between.
const COLUMNS = 24;
const ROW = 30;
const GAP = 8;

export interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where a panel lies, pixels, on a grid `width` pixels wide. */
export function place({ x, y, w, h }: GridPos, width: number): Place {
  const column = (width - GAP * (COLUMNS - 1)) / COLUMNS;
  return {
    left: Math.round(x * (column + GAP)),
    top: y * (ROW + GAP),
    width: Math.round(w * column + (w - 1) * GAP),
    height: h * ROW + (h - 1) * GAP,
  };
}

export function gridHeight(panels: readonly PanelJson[]): number {
  const rows = Math.max(0, ...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return rows * (ROW + GAP);
}
