import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of a process in bytes, as Linux tells it; undefined when it is gone. */
export function rssOf(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line === null ? undefined : Number(line[1]) * 1024;
  } catch {
    return undefined;
  }
}

/** Open files and sockets of a process; undefined when it is gone. */
export function filesOf(pid: number | undefined): number | undefined {
  try {
    return pid === undefined ? undefined : readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

/** Seconds of CPU that a process has used; 0 when it is gone. */
export function cpuOf(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

/** Values over time of one thing that ought to stay flat. */
export class Series {
  private readonly values: { at: number; value: number }[] = [];

  add(value: number | undefined): void {
    if (value !== undefined) this.values.push({ at: Date.now(), value });
  }

  /** The median between two times (epoch ms); NaN where there is none. */
  median(from: number, to: number): number {
    const values = this.values.filter(({ at }) => at >= from && at <= to).map(({ value }) => value);
    return values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  }

  get highest(): number {
    return this.values.reduce((most, { value }) => Math.max(most, value), 0);
  }
}

export const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);
