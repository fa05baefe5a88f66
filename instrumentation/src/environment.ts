/**
 * `process.env`, where reading never throws: applications put strict proxies in its place, which refuse names that they have not
 * declared. A name that cannot be read is not set.
 */
export function environment(): NodeJS.ProcessEnv {
  return new Proxy(process.env, {
    get(target, name) {
      try {
        return Reflect.get(target, name) as unknown;
      } catch {
        return undefined;
      }
    },
  });
}
