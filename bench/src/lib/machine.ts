import { cpus, release, totalmem } from 'node:os';

/** What the figures were measured on, without a host's name. */
export function machine(): string {
  const list = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const model = list[0]?.model.trim() || 'unknown CPU';
  return `${list.length} × ${model}, ${memory} GiB, Linux ${release().split('-')[0]}, Node ${process.versions.node}`.replace(
    'Linux',
    process.platform === 'linux' ? 'Linux' : process.platform,
  );
}
