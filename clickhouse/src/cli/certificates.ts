import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { Wanted } from '../certificates/folder.ts';
import { CliError } from './exit.ts';
import type { CliIo } from './io.ts';

const HELP = `
Each part gets a folder of its own in <folder>: tls.crt, tls.key, and ca.crt, the authority that it believes. What is there and good stays;
what has fewer than 30 days left, or is for other hosts, is renewed. The key of the authority stays in --authority: no part needs it.

Examples:
  client-cost certificates /tls --server collector=collector,localhost,127.0.0.1 --client service
  client-cost certificates /tls --server clickhouse=clickhouse --renew
`;

interface Options {
  server: readonly { name: string; hosts: string[] }[];
  client: readonly string[];
  authority?: string;
  days: number;
  renew?: boolean;
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

export function certificatesCommand(io: CliIo): Command {
  return new Command('certificates')
    .description('Make or renew the certificates of an internal authority')
    .argument('<folder>', 'where the folders of the parts are')
    .option('--server <name=host,…>', 'a part that is connected to, and the names and addresses it has', server, [])
    .option('--client <name>', 'a part that shows itself by a certificate', client, [])
    .option('--authority <folder>', 'where the authority is kept; default: "authority" in <folder>')
    .option('--days <days>', 'how long new certificates are good for', days, 90)
    .option('--renew', 'make all of them anew')
    .addHelpText('after', HELP)
    .action(async (folder: string, options: Options) => {
      const wanted: Wanted[] = [
        ...options.server.map(({ name, hosts }) => ({
          name,
          hosts,
          folder: join(folder, name),
          use: 'server' as const,
        })),
        ...options.client.map((name) => ({ name, folder: join(folder, name), use: 'client' as const })),
      ];
      // 60 ms to load, for one command.
      const { fillFolders } = await import('../certificates/folder.ts');
      const authority = options.authority ?? join(folder, 'authority');
      try {
        const results = await fillFolders({
          authority,
          wanted,
          days: options.days,
          renew: options.renew,
          now: io.now(),
        });
        for (const { file, what, until } of results) io.stdout(`${what.padEnd(7)} ${file}, good until ${until}\n`);
      } catch (error) {
        throw new CliError((error as Error).message);
      }
    });
}

function server(text: string, before: Options['server']): Options['server'] {
  const [name = '', list = ''] = text.split('=');
  const hosts = list.split(',').filter((host) => host !== '');
  if (!NAME.test(name) || hosts.length === 0 || !hosts.every((host) => /^[a-z0-9.:_*-]+$/i.test(host))) {
    throw new InvalidArgumentError('expected a name and its hosts: collector=collector,127.0.0.1');
  }
  return [...before, { name, hosts }];
}

function client(text: string, before: Options['client']): Options['client'] {
  if (!NAME.test(text)) throw new InvalidArgumentError('expected a name of letters and digits');
  return [...before, text];
}

function days(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('expected a whole number of days');
  return Number(text);
}
